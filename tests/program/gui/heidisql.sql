-- What HeidiSQL asks. Sources: HeidiSQL/HeidiSQL issues 350, 856; pingcap/tidb issue 2015;
-- manticoresoftware/manticoresearch issue 1565.

-- At its start.
SELECT CONNECTION_ID();
SET NAMES utf8mb4;
SELECT VERSION();
SHOW VARIABLES;
SHOW /*!50002 GLOBAL */ STATUS;
SELECT NOW();
SHOW DATABASES;
SHOW TABLES FROM `information_schema`;
SHOW /*!50002 GLOBAL */ VARIABLES LIKE 'sql_mode';
SHOW ENGINES;
SHOW COLLATION;
SHOW CHARSET;

-- A database opened.
USE `CometQL_v1`;
SHOW TABLE STATUS FROM `CometQL_v1`;
SHOW FUNCTION STATUS WHERE `Db`='CometQL_v1'; -- rows
SHOW PROCEDURE STATUS WHERE `Db`='CometQL_v1'; -- rows
SHOW TRIGGERS FROM `CometQL_v1`; -- rows
SHOW EVENTS FROM `CometQL_v1`; -- rows
SELECT *, EVENT_SCHEMA AS `Db`, EVENT_NAME AS `Name` FROM information_schema.`EVENTS` WHERE `EVENT_SCHEMA`='CometQL_v1'; -- rows
SELECT `DEFAULT_COLLATION_NAME` FROM `information_schema`.`SCHEMATA` WHERE `SCHEMA_NAME`='CometQL_v1'; -- rows
SHOW OPEN TABLES FROM `CometQL_v1` WHERE `in_use`!=0; -- rows
SHOW CREATE DATABASE `CometQL_v1`; -- rows

-- A table opened.
SHOW CREATE TABLE `CometQL_v1`.`conference`;
SELECT * FROM `information_schema`.`COLUMNS` WHERE TABLE_SCHEMA='CometQL_v1' AND TABLE_NAME='conference' ORDER BY ORDINAL_POSITION;
SHOW FULL COLUMNS FROM `CometQL_v1`.`conference`;
SHOW INDEXES FROM `conference` FROM `CometQL_v1`;
SELECT * FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA='CometQL_v1' AND TABLE_NAME='conference' AND REFERENCED_TABLE_NAME IS NOT NULL; -- rows
SELECT * FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA='CometQL_v1' AND TABLE_NAME='conference' AND REFERENCED_TABLE_NAME IS NOT NULL; -- rows
SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM `information_schema`.`CHECK_CONSTRAINTS` WHERE CONSTRAINT_SCHEMA='CometQL_v1' AND TABLE_NAME='conference'; -- rows
SHOW TABLE STATUS LIKE 'conference';

-- Data browsed and changed.
SELECT `name`, `user_id`, `caller_id`, LEFT(`message`, 256), `profile`, `stream`, `node` FROM `CometQL_v1`.`conference` ORDER BY `user_id` ASC LIMIT 1000; -- rows
SELECT `name`, `user_id`, `message` FROM `CometQL_v1`.`conference` WHERE `name`='101' AND `user_id`=2 LIMIT 1; -- rows
INSERT INTO `CometQL_v1`.`users_data` (`id`, `data`) VALUES (7, 'new');
SELECT LAST_INSERT_ID();
UPDATE `CometQL_v1`.`users_data` SET `data`='changed' WHERE  `id`=7;
SELECT `id`, `data` FROM `CometQL_v1`.`users_data` WHERE  `id`=7; -- rows
DELETE FROM `CometQL_v1`.`users_data` WHERE  `id`=7;
SHOW WARNINGS LIMIT 5; -- rows
SELECT COUNT(*) FROM `CometQL_v1`.`conference`; -- rows

-- Its tab of the host.
SELECT `ID`, `USER`, `HOST`, `DB`, `COMMAND`, `TIME`, `STATE`, LEFT(`INFO`, 51200) AS `Info` FROM `information_schema`.`PROCESSLIST`;
SHOW FULL PROCESSLIST;
SHOW SESSION VARIABLES;
SHOW GLOBAL VARIABLES;
SHOW /*!50002 GLOBAL */ STATUS LIKE 'Com\_%';
SHOW GRANTS FOR CURRENT_USER();
SET FOREIGN_KEY_CHECKS=0;
SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO';
