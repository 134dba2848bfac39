-- The history of pipes, oldest first: the server makes id from the time.
CREATE TABLE pipes_messages (
    id      CHAR(36)     NOT NULL DEFAULT '',
    time    BIGINT       NOT NULL DEFAULT 0,
    name    VARCHAR(64)  NOT NULL,
    `index` INT UNSIGNED NOT NULL DEFAULT 0,
    event   VARCHAR(64)  NOT NULL,
    message TEXT         NOT NULL,
    user_id INT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (name, id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=8 */;

CREATE INDEX pipes_messages_id ON pipes_messages (id);

-- How many messages a pipe's history keeps.
CREATE TABLE pipes_settings (
    name   VARCHAR(64) NOT NULL,
    length INT         NOT NULL DEFAULT 0,
    PRIMARY KEY (name)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=9, insert=replace */;
