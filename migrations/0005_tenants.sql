-- A tenant's own password for the MySQL port; without one the configuration's counts.
CREATE TABLE dev_config (
    dev_id   INT UNSIGNED NOT NULL,
    password VARCHAR(255) NOT NULL,
    PRIMARY KEY (dev_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=10, insert=replace, admin_only */;
