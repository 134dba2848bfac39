-- What a user logs in with: a browser's key and the SIP password.
CREATE TABLE users_auth (
    id   INT UNSIGNED NOT NULL,
    hash VARCHAR(32)  NOT NULL,
    PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=3, insert=replace, insert_id=id */;

-- What pages keep about a user.
CREATE TABLE users_data (
    id   INT UNSIGNED NOT NULL,
    data TEXT         NOT NULL,
    PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=4, insert=replace, insert_id=id */;

-- Messages that wait for a user, oldest first: the server makes `index` from the time.
CREATE TABLE users_messages (
    id      INT UNSIGNED NOT NULL,
    `index` CHAR(36)     NOT NULL DEFAULT '',
    event   VARCHAR(64)  NOT NULL,
    message TEXT         NOT NULL,
    PRIMARY KEY (id, `index`)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=5, insert_id=id */;

-- When a user was last seen: 0 is online, -1 never.
CREATE TABLE users_time (
    id   INT UNSIGNED NOT NULL,
    time BIGINT       NOT NULL DEFAULT -1,
    PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=6, read_only */;

-- Login tokens that no longer count.
CREATE TABLE revoked_tokens (
    token VARCHAR(600) NOT NULL,
    PRIMARY KEY (token)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=7, insert=replace */;
