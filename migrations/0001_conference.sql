-- Invitations: who was called into which conference. A new invitation of the same user replaces the old one.
CREATE TABLE conference (
    name      VARCHAR(64)  NOT NULL,
    user_id   INT UNSIGNED NOT NULL,
    caller_id INT UNSIGNED NOT NULL DEFAULT 0,
    message   TEXT         NOT NULL,
    profile   VARCHAR(64)  NOT NULL DEFAULT 'default',
    stream    INT          NOT NULL DEFAULT 0,
    node      VARCHAR(255) NOT NULL DEFAULT '',
    PRIMARY KEY (name, user_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=1, insert=replace */;

CREATE INDEX conference_user ON conference (user_id);
