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

-- Members: who is in a conference right now, as FreeSWITCH says. One user may be in from two devices, which differ in
-- their channel's uuid. join_time and last_talking are seconds since then; the store holds the moments.
CREATE TABLE conference_members (
    name          VARCHAR(64)  NOT NULL,
    user_id       INT UNSIGNED NOT NULL,
    join_time     INT UNSIGNED NOT NULL,
    last_talking  INT UNSIGNED NULL,
    node          VARCHAR(255) NOT NULL DEFAULT '' INVISIBLE,
    uuid          VARCHAR(64)  NOT NULL DEFAULT '' INVISIBLE,
    member_id     INT UNSIGNED NOT NULL DEFAULT 0  INVISIBLE,
    caller_number VARCHAR(255) NOT NULL DEFAULT '' INVISIBLE,
    talking       TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    can_speak     TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    can_hear      TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    has_video     TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    has_floor     TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    is_moderator  TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    hold          TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    recording     TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    verified      TINYINT      NOT NULL DEFAULT 0  INVISIBLE,
    PRIMARY KEY (name, user_id, node, uuid)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=2, read_only */;

CREATE INDEX conference_members_user ON conference_members (user_id);
