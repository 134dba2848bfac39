//! Real clients against the server, by the programs in `tests/clients/`. Each checks its own answers, and tells what it
//! has checked; that must be what `docs/clients.md` says of the client.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use mysql::prelude::Queryable;

use crate::{
    command_line::succeed,
    members::{node_settings, wait_for_members},
    support::{
        freeswitch::{Behaviour, Freeswitch, THREE_MEMBERS},
        server::{PASSWORD, Server},
        test_tools,
    },
    tls::Certificates,
};

/// Makes a test of each client: its name in `docs/clients.md`, and the program that drives it.
macro_rules! clients {
    ($($test:ident: $name:literal, $program:expr;)+) => {
        $(
            #[test]
            fn $test() {
                prove($name, $program);
            }
        )+

        const CLIENTS: &[&str] = &[$($name),+];
    };
}

clients! {
    mariadb_in_a_terminal: "`mariadb`, typed into", python("mariadb_terminal.py", "");
    php_mysqli: "PHP mysqli", php("mysqli.php", "");
    php_mysqli_persistent: "PHP mysqli, persistent", php("mysqli.php", "persistent");
    php_pdo_native: "PHP PDO, native prepares", php("pdo.php", "native");
    php_pdo_emulated: "PHP PDO, emulated prepares", php("pdo.php", "emulated");
    doctrine_mysqli: "Doctrine DBAL on mysqli", php("doctrine.php", "mysqli");
    doctrine_pdo: "Doctrine DBAL on PDO", php("doctrine.php", "pdo_mysql");
    pymysql: "PyMySQL", python("dbapi.py", "pymysql");
    mysqlclient: "mysqlclient", python("dbapi.py", "mysqlclient");
    connector_python_pure: "Connector/Python, pure", python("dbapi.py", "connector-pure");
    connector_python_c: "Connector/Python, C", python("dbapi.py", "connector-c");
    sqlalchemy_pymysql: "SQLAlchemy on PyMySQL", python("sqlalchemy_client.py", "mysql+pymysql");
    sqlalchemy_mysqlclient: "SQLAlchemy on mysqlclient", python("sqlalchemy_client.py", "mysql+mysqldb");
    sqlalchemy_connector: "SQLAlchemy on Connector/Python", python("sqlalchemy_client.py", "mysql+mysqlconnector");
    sqlalchemy_mariadb: "SQLAlchemy as MariaDB", python("sqlalchemy_client.py", "mariadb+pymysql");
    node_mysql2: "Node mysql2", node("mysql2");
    node_mysql: "Node mysql", node("mysql");
    node_mariadb: "Node mariadb", node("mariadb");
    rust_sqlx: "Rust sqlx", rust("sqlx");
    rust_mysql_async: "Rust mysql_async", rust("mysql_async");
}

#[test]
fn php_backend_of_the_video_chat_example() {
    assert_eq!(abilities(php("backend.php", "")), BTreeSet::new());
}

#[test]
fn each_client_of_the_documentation_is_tested() {
    let documented: BTreeSet<String> = documentation().into_iter().map(|(client, _)| client).collect();
    assert_eq!(documented, CLIENTS.iter().map(|name| (*name).to_owned()).collect());
}

/// A program, and its arguments after host, port and password.
struct Program {
    command: Command,
    argument: &'static str,
}

fn php(script: &str, argument: &'static str) -> Program {
    program("php", argument).with(&sources().join("php").join(script))
}

fn python(script: &str, argument: &'static str) -> Program {
    program(test_tools().join("python/bin/python"), argument).with(&sources().join("python").join(script))
}

fn node(driver: &'static str) -> Program {
    let mut node = program("node", driver).with(&sources().join("node/driver.js"));
    node.command.env("NODE_PATH", test_tools().join("node/node_modules"));
    node
}

fn rust(client: &'static str) -> Program {
    program(test_tools().join("rust/debug/cometql-test-clients"), client)
}

fn program(path: impl Into<PathBuf>, argument: &'static str) -> Program {
    Program { command: Command::new(path.into()), argument }
}

impl Program {
    fn with(mut self, script: &Path) -> Self {
        self.command.arg(script);
        self
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Runs a client, which must do just what the documentation says it can.
fn prove(client: &str, program: Program) {
    let documented = documentation().into_iter().find(|(name, _)| name == client);
    let (_, documented) = documented.unwrap_or_else(|| panic!("docs/clients.md has no '{client}'"));
    assert_eq!(abilities(program), documented, "{client}: checked, and documented");
}

/// What a program told that it has checked, on a server of its own that offers TLS and whose conference 101 has three
/// members.
fn abilities(Program { mut command, argument }: Program) -> BTreeSet<String> {
    let freeswitch = Freeswitch::start(Behaviour::List(THREE_MEMBERS.to_owned()));
    let certificates = Certificates::new();
    let server = Server::start_with(&format!("{}\n{}", certificates.settings(), node_settings(&freeswitch)));
    wait_for_members(&server, 3);
    // What they say in this pipe is a row, too.
    server.connect().query_drop("INSERT INTO pipes_settings (name, length) VALUES ('101', 1)").unwrap();
    let address = server.address();
    command.arg(address.ip().to_string()).arg(address.port().to_string()).arg(PASSWORD).arg(argument);
    command.env("COMETQL_TEST_CA", certificates.authority());
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error} (tests/run installs what it needs)"));
    let told = succeed(&output);
    told.lines().filter_map(|line| line.strip_prefix("can ")).map(str::to_owned).collect()
}

/// The table of `docs/clients.md`: each client, and the headings of its columns with a `yes`.
fn documentation() -> Vec<(String, BTreeSet<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients.md");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| client "))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let headings = rows.next().expect("docs/clients.md has a table of clients");
    rows.skip(1)
        .map(|cells| {
            assert_eq!(cells.len(), headings.len(), "{cells:?}");
            let proved = headings.iter().zip(&cells).skip(1).filter(|(_, cell)| match **cell {
                "yes" => true,
                "" => false,
                other => panic!("'{other}' is neither yes nor empty: {cells:?}"),
            });
            (cells[0].to_owned(), proved.map(|(heading, _)| (*heading).to_owned()).collect())
        })
        .collect()
}
