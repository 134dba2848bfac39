-- Who is in a conference now, as the FreeSWITCH nodes say. One user may be in from two devices, each with a channel of
-- its own. join_time and last_talking are stored as moments and read as seconds since then; last_talking is NULL for a
-- member who never talked.
CREATE TABLE conference_members (
    name          VARCHAR(128) NOT NULL,
    user_id       INT UNSIGNED NOT NULL,
    join_time     INT UNSIGNED NOT NULL,
    last_talking  INT UNSIGNED NULL,
    node          VARCHAR(255) NOT NULL DEFAULT '' INVISIBLE,
    uuid          VARCHAR(255) NOT NULL DEFAULT '' INVISIBLE,
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
