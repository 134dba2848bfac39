//! One tenant's statements at another's rows: whatever their form, they find nothing and harm nothing.
//!
//! Each statement is put to two servers: one with the rows of all, and one where its tenant is alone. It must not be able
//! to tell them apart, and the rows of the others must stay as they are.

mod statements;
mod tables;

use std::{collections::BTreeSet, thread, time::Duration};

use mysql::{
    Conn, QueryResult, Row,
    prelude::{Protocol, Queryable},
};

use crate::support::{
    server::{Server, unused_address},
    wait_until,
};
use statements::Form;
use tables::{Key, Table};

/// Whose rows are looked for: the operator's, and a tenant's.
const VICTIMS: [u32; 2] = [0, 15];
/// Who looks for them.
const INTRUDER: u32 = 16;
/// Stands in the texts that only a victim may read.
const SECRET: &str = "secret";
/// Every tenant has a row of this key. Its text is the name of a node, so that rows of members stay.
const SHARED: Key = Key { text: "fs1:443", number: 7 };
/// The victims alone have a row of this key.
const HIDDEN: Key = Key { text: "secret:443", number: 424_242 };
/// How long a condition may take to come true.
const LIMIT: Duration = Duration::from_secs(30);

/// What came of a statement: rows, rows affected and the insert id; or the error.
type Answer = Result<(Vec<Row>, u64, Option<u64>), String>;

/// The ways to put a statement to a server.
const WAYS: [fn(&mut Conn, &str) -> Answer; 3] = [by_text, by_name, by_number];

fn by_text(connection: &mut Conn, statement: &str) -> Answer {
    read(connection.query_iter(statement))
}

fn by_name(connection: &mut Conn, statement: &str) -> Answer {
    let prepare = format!("PREPARE s FROM '{}'", statement.replace('\'', "''"));
    connection.query_drop(prepare).map_err(|error| error.to_string())?;
    read(connection.query_iter("EXECUTE s"))
}

fn by_number(connection: &mut Conn, statement: &str) -> Answer {
    read(connection.exec_iter(statement, ()))
}

fn read<P: Protocol>(answer: mysql::Result<QueryResult<'_, '_, '_, P>>) -> Answer {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let rows: mysql::Result<Vec<Row>> = answer.by_ref().collect();
    Ok((rows.map_err(|error| error.to_string())?, answer.affected_rows(), answer.last_insert_id()))
}

/// All values of rows, as SQL.
fn values(rows: &[Row]) -> String {
    let values = rows.iter().flat_map(|row| (0..row.len()).map(|column| row[column].as_sql(true)));
    values.collect::<Vec<_>>().join(", ")
}

/// A server with rows of these tenants in every table.
fn server_of(tenants: &[u32]) -> (Server, Vec<Table>) {
    let node = unused_address();
    let (ip, port) = (node.ip(), node.port());
    let nodes = ["fs1", "secret"]
        .map(|host| format!("freeswitch = []Server={ip},Port={port},WShost={host},WSport=443\n"))
        .concat();
    let mut server = Server::start_with(&format!("[sip]\nmember_grace = 1h\n{nodes}"));
    let tables = tables::of(&server);
    let rows: Vec<_> = tenants
        .iter()
        .flat_map(|&tenant| match tenant {
            INTRUDER => vec![(tenant, SHARED, "its own")],
            _ => vec![(tenant, SHARED, SECRET), (tenant, HIDDEN, SECRET)],
        })
        .collect();
    tables::fill(&mut server, &tables, &rows);
    (server, tables)
}

/// The intruder's connections to a server with others and to one without.
struct Intruder {
    among_others: Conn,
    alone: Conn,
}

impl Intruder {
    /// Puts a statement to both servers. The answers must be the same.
    fn puts(&mut self, put: fn(&mut Conn, &str) -> Answer, statement: &str) -> Answer {
        let answer = put(&mut self.among_others, statement);
        assert_eq!(answer, put(&mut self.alone, statement), "{statement}");
        answer
    }

    /// Puts a statement to both servers in every way, and takes its changes back.
    fn tries(&mut self, statement: &str) -> [Answer; WAYS.len()] {
        WAYS.map(|put| {
            self.puts(by_text, "BEGIN").expect("BEGIN");
            let answer = self.puts(put, statement);
            self.puts(by_text, "ROLLBACK").expect("ROLLBACK");
            answer
        })
    }
}

/// A tenant's connection, at a moment that stands still.
fn connect(server: &Server, tenant: u32) -> Conn {
    let mut connection = server.connect_as(&tenant.to_string());
    connection.query_drop("SET timestamp = 1700000000").unwrap();
    connection
}

#[test]
fn no_statement_finds_or_harms_the_rows_of_others() {
    let (server, tables) = server_of(&[VICTIMS[0], VICTIMS[1], INTRUDER]);
    let (lonely, _) = server_of(&[INTRUDER]);
    let before = tables::rows_of_others(&server, INTRUDER);
    let secrets = before.iter().filter(|row| row.contains(SECRET)).count();
    assert!(secrets > VICTIMS.len() * tables.len(), "{before:?}");
    // The plans of the others are there already.
    for victim in VICTIMS {
        let mut connection = connect(&server, victim);
        for (_, statement) in reads(&tables) {
            let _ = by_text(&mut connection, &statement);
            let _ = by_number(&mut connection, &statement);
        }
    }
    let mut intruder =
        Intruder { among_others: connect(&server, INTRUDER), alone: connect(&lonely, INTRUDER) };
    let visible: BTreeSet<String> = intruder.among_others.query("SHOW TABLES").unwrap().into_iter().collect();
    assert!(visible.len() > 5, "{visible:?}");

    let mut changing = BTreeSet::new();
    for table in &tables {
        for name in ["", "CometQL_v1.", "db_16."].map(|database| format!("{database}{}", table.name)) {
            for (position, (form, statement)) in statements::of(table, &name).into_iter().enumerate() {
                for answer in intruder.tries(&statement) {
                    match form {
                        Form::Read => {
                            assert_eq!(
                                answer.is_ok(),
                                visible.contains(&table.name),
                                "{statement}: {answer:?}"
                            );
                        }
                        Form::Refused => assert!(answer.is_err(), "{statement}: {answer:?}"),
                        Form::Write if answer.is_ok() => drop(changing.insert(position)),
                        Form::Write | Form::Report => {}
                    }
                }
            }
        }
        for database in [
            "db_15",
            "db_0",
            "`db_15`",
            "DB_15",
            "db_015",
            "`db_15 `",
            "db_16x",
            "information_schema",
            "mysql",
        ] {
            let name = format!("{database}.{}", table.name);
            for (form, statement) in statements::of(table, &name) {
                for answer in intruder.tries(&statement) {
                    assert!(answer.is_err() || form == Form::Report, "{statement}: {answer:?}");
                }
            }
        }
    }
    // Each of the forms does something, with one table at least.
    let writes = statements::of(&tables[0], "t").iter().filter(|(form, _)| *form == Form::Write).count();
    assert_eq!(changing.len(), writes, "{changing:?}");

    for table in &tables {
        for name in ["", "db_15.", "db_16."].map(|database| format!("{database}{}", table.name)) {
            for statement in statements::final_changes(table, &name) {
                let _ = intruder.puts(by_text, &statement);
            }
        }
    }
    assert_eq!(tables::rows_of_others(&server, INTRUDER), before);
}

/// What a tenant asks of its own tables.
fn reads(tables: &[Table]) -> impl Iterator<Item = (Form, String)> {
    let all = tables.iter().flat_map(|table| statements::of(table, &table.name));
    all.filter(|(form, _)| *form == Form::Read)
}

#[test]
fn system_tables_tell_a_tenant_nothing_of_others() {
    let (server, _) = server_of(&[VICTIMS[0], VICTIMS[1], INTRUDER]);
    let (lonely, _) = server_of(&[INTRUDER]);
    let mut intruder =
        Intruder { among_others: connect(&server, INTRUDER), alone: connect(&lonely, INTRUDER) };
    let _victims = VICTIMS.map(|victim| connect(&server, victim));
    // What counts, and says where the server is, differs between any two servers.
    let counting =
        ["PROCESSLIST", "GLOBAL_STATUS", "SESSION_STATUS", "GLOBAL_VARIABLES", "SESSION_VARIABLES"];
    let names: Vec<String> = intruder.alone.query("SHOW TABLES FROM information_schema").unwrap();
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        let select = format!("SELECT * FROM information_schema.{name}");
        let answer = match counting.contains(&name.as_str()) {
            true => by_text(&mut intruder.among_others, &select),
            false => intruder.puts(by_text, &select),
        };
        let (rows, ..) = answer.expect(&select);
        assert!(!values(&rows).contains(SECRET), "{select}: {}", values(&rows));
    }
    for show in [
        "SHOW DATABASES",
        "SHOW TABLES",
        "SHOW FULL TABLES",
        "SHOW TABLE STATUS",
        "SHOW OPEN TABLES",
        "SHOW TABLES FROM db_16",
        "SHOW CREATE DATABASE CometQL_v1",
        "SHOW GRANTS",
        "SHOW GRANTS FOR '15'",
        "SHOW WARNINGS",
    ] {
        assert!(intruder.tries(show).iter().all(Result::is_ok), "{show}");
    }
    for refused in [
        "USE db_15",
        "USE db_0",
        "SHOW TABLES FROM db_15",
        "SHOW TABLE STATUS FROM db_15",
        "SHOW CREATE DATABASE db_15",
        "SHOW COLUMNS FROM conference FROM db_15",
        "SHOW INDEX FROM conference FROM db_15",
        "SELECT * FROM mysql.user",
        "SELECT LOAD_FILE('/etc/hostname')",
        "SET GLOBAL max_connections = 1",
        "SET PASSWORD = 'x'",
        "CREATE USER '17'",
    ] {
        let answers = intruder.tries(refused);
        assert!(answers.iter().all(Result::is_err), "{refused}: {answers:?}");
    }
    for database in ["db_15", "db_0", "DB_15"] {
        intruder.among_others.select_db(database).expect_err(database);
        Conn::new(server.options("16").db_name(Some(database))).expect_err(database);
    }
}

#[test]
fn a_tenant_neither_sees_nor_stops_the_statements_of_others() {
    let server = Server::start_with("max_statement_time = 0");
    let mut victim = server.connect_as("15");
    let rows: Vec<String> = (0..300).map(|user| format!("('101', {user}, '')")).collect();
    victim
        .query_drop(format!("INSERT INTO conference (name, user_id, message) VALUES {}", rows.join(", ")))
        .unwrap();
    let id = victim.connection_id();
    // 8 100 million combinations, none of which is a row.
    let statement = "SELECT a.name, 'secret' FROM conference a JOIN conference b JOIN conference c JOIN conference d \
                     WHERE a.user_id + b.user_id + c.user_id + d.user_id < 0";
    let running = thread::spawn(move || victim.query::<Row, _>(statement));
    let mut observer = server.connect_as("15");
    let shown = |connection: &mut Conn| -> String {
        let lists = ["SHOW FULL PROCESSLIST", "SELECT * FROM information_schema.PROCESSLIST"];
        lists.map(|list| values(&connection.query::<Row, _>(list).unwrap())).concat()
    };
    wait_until("the statement runs", LIMIT, || shown(&mut observer).contains(SECRET));

    let mut intruder = server.connect_as("16");
    let seen = shown(&mut intruder);
    assert!(!seen.contains(SECRET) && !seen.contains("'15'"), "{seen}");
    for form in ["KILL", "KILL QUERY", "KILL CONNECTION", "KILL HARD QUERY"] {
        for put in WAYS {
            let error = put(&mut intruder, &format!("{form} {id}")).expect_err(form);
            assert!(error.contains("1094"), "{error}");
        }
    }
    assert!(shown(&mut observer).contains(SECRET));
    observer.query_drop(format!("KILL QUERY {id}")).unwrap();
    let error = running.join().unwrap().expect_err("it would run for hours");
    assert!(error.to_string().contains("1317"), "{error}");
}
