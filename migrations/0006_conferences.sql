-- Which conferences take place now, as the FreeSWITCH nodes say. run_time is how many seconds ago `started` was, computed when
-- it is read; recording is where the conference is recorded to, one path or URL a line. max_members 0 is no limit.
CREATE TABLE conferences (
    name        VARCHAR(128)  NOT NULL,
    node        VARCHAR(255)  NOT NULL,
    started     DATETIME      NOT NULL,
    members     INT UNSIGNED  NOT NULL DEFAULT 0,
    locked      TINYINT       NOT NULL DEFAULT 0,
    recording   VARCHAR(1024) NOT NULL DEFAULT '',
    run_time    INT UNSIGNED  NOT NULL DEFAULT 0,
    uuid        VARCHAR(255)  NOT NULL DEFAULT '' INVISIBLE,
    ghosts      INT UNSIGNED  NOT NULL DEFAULT 0  INVISIBLE,
    max_members INT UNSIGNED  NOT NULL DEFAULT 0  INVISIBLE,
    PRIMARY KEY (name, node)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=11, read_only */;

-- What else can be commanded of members. A ghost hears or speaks unseen and does not count.
ALTER TABLE conference_members
    ADD COLUMN can_see    TINYINT      NOT NULL DEFAULT 0 INVISIBLE,
    ADD COLUMN is_ghost   TINYINT      NOT NULL DEFAULT 0 INVISIBLE,
    ADD COLUMN volume_in  INT          NOT NULL DEFAULT 0 INVISIBLE,
    ADD COLUMN volume_out INT          NOT NULL DEFAULT 0 INVISIBLE,
    ADD COLUMN energy     INT UNSIGNED NOT NULL DEFAULT 0 INVISIBLE;
