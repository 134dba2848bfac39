//! The MariaDB that answers are compared with is the one that the tests were written for.

use mysql::prelude::Queryable;

use crate::support::mariadb::MariaDb;

#[test]
fn mariadb_is_strict_and_compares_text_by_code_point() {
    let mut connection = MariaDb::shared().connect();
    let (version, mode, same): (String, String, bool) =
        connection.query_first("SELECT VERSION(), @@sql_mode, 'a' = 'A'").expect("SELECT").expect("one row");
    assert!(version.contains("MariaDB"), "{version}");
    assert!(mode.contains("STRICT_TRANS_TABLES"), "{mode}");
    assert!(!same);
}
