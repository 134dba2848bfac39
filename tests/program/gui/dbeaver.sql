-- What DBeaver and the JDBC drivers below it ask. Sources: dbeaver/dbeaver issues 17500, 16480, 18707; dolthub/dolt issue
-- 3071; databendlabs/databend issue 4581; mindsdb/mindshub issue 1946.

-- Connector/J at its start.
/* mysql-connector-java */ SELECT @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client,
    @@character_set_connection AS character_set_connection, @@character_set_results AS character_set_results,
    @@character_set_server AS character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection,
    @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license,
    @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout,
    @@performance_schema AS performance_schema, @@query_cache_size AS query_cache_size, @@query_cache_type AS query_cache_type,
    @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@tx_isolation AS transaction_isolation,
    @@wait_timeout AS wait_timeout;
SET character_set_results = NULL;
SET autocommit = 1;
SET sql_mode = 'STRICT_TRANS_TABLES';
-- MariaDB's Connector/J at its start.
SET autocommit = 1, sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), character_set_client = utf8mb4, session_track_schema = 1;
SELECT @@max_allowed_packet, @@system_time_zone, @@time_zone, @@auto_increment_increment;
SELECT @@session.tx_isolation;
SELECT @@session.tx_read_only;
SET SESSION TRANSACTION READ WRITE;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- At its own start.
/* ApplicationName=DBeaver 22.1.5 - Main */ SET SQL_SELECT_LIMIT = DEFAULT;
/* ApplicationName=DBeaver 22.1.5 - Metadata */ SELECT DATABASE();
/* ApplicationName=DBeaver 22.1.5 - Metadata */ SHOW ENGINES;
/* ApplicationName=DBeaver 22.1.5 - Metadata */ SHOW CHARSET;
/* ApplicationName=DBeaver 22.1.5 - Metadata */ SHOW COLLATION;
/* ApplicationName=DBeaver 22.1.5 - Metadata */ SELECT @@GLOBAL.character_set_server,@@GLOBAL.collation_server;
/* ApplicationName=DBeaver 22.1.5 - Metadata */ SHOW PLUGINS;
/* ApplicationName=DBeaver 22.1.5 - Metadata */ SHOW VARIABLES LIKE 'lower_case_table_names'; -- rows
/* ApplicationName=DBeaver 22.1.5 - Metadata */ SHOW DATABASES;
SELECT * FROM information_schema.TABLES t
WHERE
	t.TABLE_SCHEMA = 'information_schema'
	AND t.TABLE_NAME = 'CHECK_CONSTRAINTS';
SELECT NULL, NULL, NULL, SCHEMA_NAME FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME LIKE '%' ORDER BY SCHEMA_NAME;

-- A database opened.
SHOW FULL TABLES FROM CometQL_v1; -- rows
SHOW TABLE STATUS FROM CometQL_v1;
SHOW TABLE STATUS FROM CometQL_v1 LIKE 'conference';
SELECT * FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'CometQL_v1' AND ROUTINE_TYPE IN ('PROCEDURE', 'FUNCTION') ORDER BY ROUTINE_NAME; -- rows
SELECT * FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA = 'CometQL_v1' ORDER BY ORDINAL_POSITION; -- rows
SHOW TRIGGERS FROM CometQL_v1; -- rows
SELECT * FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'CometQL_v1' ORDER BY EVENT_NAME; -- rows
SELECT * FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'CometQL_v1'; -- rows

-- A table opened.
SHOW CREATE TABLE CometQL_v1.conference;
SHOW FULL COLUMNS FROM CometQL_v1.conference;
SELECT * FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'CometQL_v1' AND TABLE_NAME = 'conference' ORDER BY ORDINAL_POSITION;
SELECT kc.CONSTRAINT_NAME,kc.TABLE_NAME,kc.COLUMN_NAME,kc.ORDINAL_POSITION
FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE kc WHERE kc.TABLE_SCHEMA='CometQL_v1' AND kc.REFERENCED_TABLE_NAME IS NULL AND kc.TABLE_NAME='conference'
ORDER BY kc.CONSTRAINT_NAME,kc.ORDINAL_POSITION; -- rows
SELECT * FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'CometQL_v1' AND TABLE_NAME = 'conference' ORDER BY TABLE_NAME,INDEX_NAME,SEQ_IN_INDEX;
SELECT * FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = 'CometQL_v1' AND TABLE_NAME = 'conference' AND PARTITION_NAME IS NOT NULL; -- rows
SELECT cc.CONSTRAINT_NAME, cc.CHECK_CLAUSE, tc.TABLE_NAME
FROM (SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'CometQL_v1' ORDER BY CONSTRAINT_NAME) cc,
     (SELECT TABLE_NAME, CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = 'CometQL_v1' AND TABLE_NAME = 'conference') tc
WHERE cc.CONSTRAINT_NAME = tc.CONSTRAINT_NAME; -- rows
SELECT A.REFERENCED_TABLE_SCHEMA AS PKTABLE_CAT, NULL AS PKTABLE_SCHEM, A.REFERENCED_TABLE_NAME AS PKTABLE_NAME,
    A.REFERENCED_COLUMN_NAME AS PKCOLUMN_NAME, A.TABLE_SCHEMA AS FKTABLE_CAT, NULL AS FKTABLE_SCHEM, A.TABLE_NAME AS FKTABLE_NAME,
    A.COLUMN_NAME AS FKCOLUMN_NAME, A.ORDINAL_POSITION AS KEY_SEQ,
    CASE WHEN R.UPDATE_RULE='CASCADE' THEN 0 WHEN R.UPDATE_RULE='SET NULL' THEN 2 WHEN R.UPDATE_RULE='SET DEFAULT' THEN 4
        WHEN R.UPDATE_RULE='RESTRICT' THEN 1 WHEN R.UPDATE_RULE='NO ACTION' THEN 1 ELSE 1 END AS UPDATE_RULE,
    A.CONSTRAINT_NAME AS FK_NAME,
    (SELECT CONSTRAINT_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = A.REFERENCED_TABLE_SCHEMA
        AND TABLE_NAME = A.REFERENCED_TABLE_NAME AND CONSTRAINT_TYPE IN ('UNIQUE', 'PRIMARY KEY') LIMIT 1) AS PK_NAME,
    7 AS DEFERRABILITY
FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE A
JOIN INFORMATION_SCHEMA.TABLE_CONSTRAINTS B USING (TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME)
JOIN INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS R
    ON (R.CONSTRAINT_NAME = B.CONSTRAINT_NAME AND R.TABLE_NAME = B.TABLE_NAME AND R.CONSTRAINT_SCHEMA = B.TABLE_SCHEMA)
WHERE B.CONSTRAINT_TYPE = 'FOREIGN KEY' AND A.TABLE_SCHEMA = 'CometQL_v1' AND A.TABLE_NAME = 'conference'
ORDER BY FKTABLE_CAT, FKTABLE_SCHEM, FKTABLE_NAME, KEY_SEQ; -- rows

-- Data browsed and changed.
SET SQL_SELECT_LIMIT = 200;
SELECT t.* FROM CometQL_v1.conference t; -- rows
SELECT x.* FROM CometQL_v1.conference x ORDER BY x.user_id DESC LIMIT 0, 200; -- rows
SET SQL_SELECT_LIMIT = DEFAULT;
SELECT COUNT(*) FROM (SELECT x.* FROM CometQL_v1.conference x) dbvrcnt; -- rows
SELECT LAST_INSERT_ID();
SHOW WARNINGS; -- rows

-- Sessions, status, users.
SHOW FULL PROCESSLIST;
SHOW GLOBAL STATUS;
SHOW STATUS;
SHOW GLOBAL VARIABLES;
SHOW VARIABLES;
SHOW PRIVILEGES;
SHOW GRANTS FOR CURRENT_USER();
SELECT * FROM information_schema.USER_PRIVILEGES;
