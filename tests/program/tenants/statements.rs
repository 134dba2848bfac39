//! Every form of statement that can name a table.

use super::{HIDDEN, SHARED, tables::Table};

/// What a statement is expected to do with the tenant's own table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// It answers with rows.
    Read,
    /// It changes rows, unless the table's rules or the rows that are there forbid it.
    Write,
    /// It answers one way or another, and says itself what it could not do.
    Report,
    /// It is an error with any table.
    Refused,
}

/// The statements for a table, which they call by this name. Each also appears with the key of a row that the victims alone
/// have, and with that of one that all have.
pub fn of(table: &Table, name: &str) -> Vec<(Form, String)> {
    let all = table.column_list();
    let first = &table.columns[0].name;
    let last = table.columns.last().expect("a column");
    let harm = format!("{} = {}", last.name, if last.is_text { "'harm'" } else { "2" });
    let [hidden, shared] = [HIDDEN, SHARED].map(|key| table.condition(key));
    let [new, same] = [HIDDEN, SHARED].map(|key| table.values(key, "harm"));

    let reads = [
        format!("SELECT * FROM {name}"),
        format!("SELECT {all} FROM {name} WHERE {hidden}"),
        format!("SELECT {all} FROM {name} WHERE {shared}"),
        format!("SELECT {all} FROM {name} WHERE NOT ({shared}) ORDER BY {first} DESC LIMIT 10"),
        format!("SELECT {all} FROM {name} FOR UPDATE"),
        format!("SELECT COUNT(*), MIN({first}), MAX({first}), GROUP_CONCAT({first}) FROM {name}"),
        format!("SELECT {first}, COUNT(*) FROM {name} GROUP BY {first} HAVING COUNT(*) > 0"),
        format!("SELECT DISTINCT {all} FROM {name}"),
        format!("SELECT SQL_CALC_FOUND_ROWS {all} FROM {name} LIMIT 1"),
        format!("SELECT y.* FROM {name} x JOIN {name} y"),
        format!("SELECT y.* FROM {name} x LEFT JOIN {name} y ON x.{first} <> y.{first}"),
        format!("SELECT x.*, y.* FROM {name} x RIGHT JOIN {name} y USING ({first})"),
        format!("SELECT y.* FROM conference x, {name} y"),
        format!("SELECT x.* FROM {name} x NATURAL JOIN {name} y"),
        format!("SELECT * FROM (SELECT {all} FROM {name}) x"),
        format!("SELECT (SELECT MAX({first}) FROM {name}), EXISTS (SELECT * FROM {name} WHERE {hidden})"),
        format!("SELECT name FROM conference x WHERE EXISTS (SELECT * FROM {name} WHERE {hidden})"),
        format!("SELECT name FROM conference WHERE user_id NOT IN (SELECT {first} FROM {name})"),
        format!("SELECT {first} FROM {name} UNION ALL SELECT {first} FROM {name} WHERE {hidden}"),
        format!("(SELECT {first} FROM {name}) UNION (SELECT 'a') ORDER BY 1 LIMIT 5"),
        format!("EXPLAIN SELECT {all} FROM {name} WHERE {hidden}"),
        format!("DESCRIBE {name}"),
        format!("SHOW FULL COLUMNS FROM {name}"),
        format!("SHOW INDEX FROM {name}"),
        format!("SHOW CREATE TABLE {name}"),
    ];
    let writes = [
        format!("INSERT INTO {name} ({all}) VALUES ({new})"),
        format!("INSERT INTO {name} ({all}) VALUES ({same})"),
        format!("INSERT IGNORE INTO {name} ({all}) VALUES ({same}), ({new})"),
        format!("INSERT INTO {name} ({all}) VALUES ({same}) ON DUPLICATE KEY UPDATE {harm}"),
        format!("INSERT INTO {name} ({all}) SELECT {all} FROM {name}"),
        format!("INSERT INTO users_data (id, data) SELECT 9, {first} FROM {name}"),
        format!("REPLACE INTO {name} ({all}) VALUES ({same})"),
        format!("REPLACE INTO {name} ({all}) SELECT {all} FROM {name}"),
        format!("UPDATE {name} SET {harm}"),
        format!("UPDATE {name} SET {harm} WHERE {hidden}"),
        format!("UPDATE {name} SET {harm} WHERE {shared} ORDER BY {first} LIMIT 3"),
        format!("UPDATE users_data SET data = (SELECT MAX({first}) FROM {name})"),
        format!("DELETE FROM {name}"),
        format!("DELETE FROM {name} WHERE {hidden}"),
        format!("DELETE FROM {name} WHERE {shared} LIMIT 3"),
        format!("DELETE FROM {name} RETURNING {all}"),
        format!("DELETE FROM users_data WHERE EXISTS (SELECT * FROM {name} WHERE {hidden})"),
    ];
    let reports = [
        format!("CHECK TABLE {name}"),
        format!("ANALYZE TABLE {name}"),
        format!("OPTIMIZE TABLE {name}"),
        format!("LOCK TABLES {name} WRITE"),
        format!("EXPLAIN DELETE FROM {name}"),
        format!("SET @found = (SELECT MAX({first}) FROM {name})"),
        format!("DO (SELECT MAX({first}) FROM {name})"),
        format!("UPDATE conference x JOIN {name} y SET x.message = 'harm'"),
        format!("DELETE y FROM conference x JOIN {name} y"),
    ];
    let refused = [
        format!("SELECT * FROM {name} INTO OUTFILE '/dev/null'"),
        format!("SELECT {first} FROM {name} LIMIT 1 INTO DUMPFILE '/dev/null'"),
        format!("LOAD DATA INFILE '/dev/null' INTO TABLE {name}"),
        format!("LOAD DATA LOCAL INFILE '/dev/null' REPLACE INTO TABLE {name}"),
        format!("HANDLER {name} OPEN"),
        format!("CREATE TABLE copy AS SELECT * FROM {name}"),
        format!("CREATE VIEW seen AS SELECT * FROM {name}"),
        format!("ALTER TABLE {name} ADD COLUMN harm INT"),
        format!("RENAME TABLE {name} TO harm"),
        format!("DROP TABLE {name}"),
        format!("GRANT SELECT ON {name} TO '16'@'%'"),
    ];
    [
        (Form::Read, reads.to_vec()),
        (Form::Write, writes.to_vec()),
        (Form::Report, reports.to_vec()),
        (Form::Refused, refused.to_vec()),
    ]
    .into_iter()
    .flat_map(|(form, statements)| statements.into_iter().map(move |statement| (form, statement)))
    .collect()
}

/// What changes a table for good, row by row and as a whole.
pub fn final_changes(table: &Table, name: &str) -> Vec<String> {
    let all = table.column_list();
    let [new, same] = [HIDDEN, SHARED].map(|key| table.values(key, "harm"));
    vec![
        format!("REPLACE INTO {name} ({all}) VALUES ({same}), ({new})"),
        format!("DELETE FROM {name} WHERE {}", table.condition(HIDDEN)),
        format!("DELETE FROM {name}"),
        format!("TRUNCATE TABLE {name}"),
    ]
}
