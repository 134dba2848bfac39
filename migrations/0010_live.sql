-- Which pipes browsers listen to, and how many to each. Nothing of it is stored: the rows are made when they are read.
CREATE TABLE pipes (
    name  VARCHAR(64)  NOT NULL,
    users INT UNSIGNED NOT NULL,
    PRIMARY KEY (name)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=13, read_only */;

-- Which browsers these are: one in two pipes has two rows of the same session. Not stored either.
CREATE TABLE users_in_pipes (
    name       VARCHAR(64)     NOT NULL,
    user_id    INT UNSIGNED    NOT NULL,
    user_uuid  VARCHAR(255)    NOT NULL,
    user_agent VARCHAR(255)    NOT NULL,
    ip         VARCHAR(45)     NOT NULL,
    origin     VARCHAR(255)    NOT NULL,
    language   VARCHAR(255)    NOT NULL,
    session    BIGINT UNSIGNED NOT NULL DEFAULT 0 INVISIBLE,
    PRIMARY KEY (name, session)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=14, read_only */;

-- Whether the member's user has a browser here, given when the row is read; NULL if no browsers are served.
ALTER TABLE conference_members ADD COLUMN online TINYINT NULL DEFAULT NULL INVISIBLE;
