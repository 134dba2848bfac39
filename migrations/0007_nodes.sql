-- How the FreeSWITCH nodes are. Nothing of it is stored: the rows are made when they are read. round_trip is the time from the
-- last question to its answer, in milliseconds.
CREATE TABLE sip_nodes (
    name        VARCHAR(255) NOT NULL,
    state       VARCHAR(32)  NOT NULL,
    since       DATETIME     NOT NULL,
    last_list   DATETIME     NULL,
    members     INT UNSIGNED NOT NULL,
    conferences INT UNSIGNED NOT NULL,
    round_trip  DOUBLE       NULL,
    last_error  VARCHAR(255) NULL,
    weight      INT UNSIGNED NOT NULL,
    PRIMARY KEY (name)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=12, read_only, admin_only */;

-- What sip_nodes.state says of the member's node, given when the row is read.
ALTER TABLE conference_members ADD COLUMN node_state VARCHAR(32) NOT NULL DEFAULT '' INVISIBLE;
