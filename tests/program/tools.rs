//! `cometql export`, `import`, `check` and `sql`.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use mysql::prelude::Queryable;

use crate::support::server::{PROGRAM, Server, cometql};

/// Rows of two tenants, with whatever a text can hold.
fn fill(server: &Server) {
    let mut connection = server.connect_as("15");
    connection
        .exec_drop(
            "INSERT INTO users_data (id, data) VALUES (1, ?)",
            ("quote ' \" back \\ line\n tab\t nul\0 😀",),
        )
        .unwrap();
    let rows: Vec<String> =
        (0..500).map(|user| format!("('{}', {user}, 'message {user}')", user % 20)).collect();
    let insert = format!("INSERT INTO conference (name, user_id, message) VALUES {}", rows.join(", "));
    connection.query_drop(insert).unwrap();
    connection.query_drop("DELETE FROM conference WHERE user_id % 5 = 0").unwrap();
    server.connect_as("16").query_drop("INSERT INTO users_auth (id, hash) VALUES (3, 'abc')").unwrap();
}

/// Everything that the tenants of [`fill`] see.
fn contents(server: &Server) -> Vec<Vec<mysql::Row>> {
    let tables = ["conference", "users_data", "users_auth", "pipes_settings"];
    let queries = ["15", "16"].into_iter().flat_map(|tenant| tables.map(|table| (tenant, table)));
    queries
        .map(|(tenant, table)| server.connect_as(tenant).query(format!("SELECT * FROM {table}")).unwrap())
        .collect()
}

#[test]
fn an_export_imports_into_an_empty_folder() {
    let mut server = Server::start();
    fill(&server);
    let before = contents(&server);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export");

    // From the running server, then from its folder: the same text but for the moment it was written.
    let config = server.config().display().to_string();
    succeed(&["export", &text(&folder.path().join("by port")), "--config", &config, "--server"]);
    server.terminate();
    succeed(&["export", &text(&file), "--data", &text(&server.data())]);
    let rows = |file: &Path| {
        let content = fs::read_to_string(file).unwrap();
        let mut lines: Vec<String> = content.lines().map(str::to_string).collect();
        lines.sort();
        lines
    };
    let (by_port, by_folder) = (rows(&folder.path().join("by port")), rows(&file));
    assert_eq!(by_port.len(), by_folder.len());
    let different = by_port.iter().zip(&by_folder).filter(|(a, b)| a != b).count();
    assert!(different <= 2, "{different} lines differ");

    fs::rename(server.data(), folder.path().join("old data")).unwrap();
    let output = succeed(&["import", &text(&file), "--data", &text(&server.data())]);
    assert!(output.contains("402 rows"), "{output}");
    succeed(&["check", "--data", &text(&server.data())]);
    server.restart();
    assert_eq!(contents(&server), before);
}

#[test]
fn an_import_into_a_folder_with_rows_is_refused() {
    let mut server = Server::start();
    fill(&server);
    let before = contents(&server);
    server.terminate();
    let folder = tempfile::tempdir().unwrap();
    let file = text(&folder.path().join("export"));
    succeed(&["export", &file, "--data", &text(&server.data())]);
    let (status, output, errors) = cometql(&["import", &file, "--data", &text(&server.data())]);
    assert!(!status.success(), "{output}\n{errors}");
    server.restart();
    assert_eq!(contents(&server), before);
}

#[test]
fn a_broken_export_is_refused_as_a_whole_and_the_line_named() {
    let mut server = Server::start();
    fill(&server);
    server.terminate();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export");
    succeed(&["export", &text(&file), "--data", &text(&server.data())]);
    let mut broken: Vec<String> = fs::read_to_string(&file).unwrap().lines().map(str::to_string).collect();
    broken[200] = broken[200].replace(|character: char| character.is_ascii_digit(), "x");
    fs::write(&file, broken.join("\n")).unwrap();
    let data = text(&folder.path().join("data"));
    let (status, _, errors) = cometql(&["import", &text(&file), "--data", &data]);
    assert!(!status.success());
    assert!(errors.contains("201"), "{errors}");
    let output = succeed(&["check", "--data", &data]);
    assert!(output.starts_with("0 rows"), "{output}");
}

#[test]
fn a_cut_export_is_refused() {
    let mut server = Server::start();
    fill(&server);
    server.terminate();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export");
    succeed(&["export", &text(&file), "--data", &text(&server.data())]);
    let content = fs::read_to_string(&file).unwrap();
    let half: Vec<&str> = content.lines().take(200).collect();
    fs::write(&file, half.join("\n") + "\n").unwrap();
    let (status, output, errors) =
        cometql(&["import", &text(&file), "--data", &text(&folder.path().join("data"))]);
    assert!(!status.success(), "{output}\n{errors}");
}

#[test]
fn sql_runs_statements_on_a_folder_and_on_a_server() {
    let mut server = Server::start();
    fill(&server);
    let config = server.config().display().to_string();
    let query = "SELECT COUNT(*) AS n FROM conference; SELECT hash FROM users_auth";
    let of_server = succeed(&["sql", "-e", query, "--config", &config, "--server", "--user", "15"]);
    assert!(of_server.contains("400"), "{of_server}");
    server.terminate();
    let of_folder = succeed(&["sql", "-e", query, "--tenant", "15", "--data", &text(&server.data())]);
    assert_eq!(of_folder, of_server);

    let output = pipe(
        &["sql", "--tenant", "16", "--data", &text(&server.data())],
        "INSERT INTO users_data (id, data) VALUES (1, 'a;b');\nSELECT data\n  FROM users_data;\nSELECT hash FROM users_auth\n",
    );
    assert!(output.contains("a;b") && output.contains("abc"), "{output}");
}

#[test]
fn sql_ends_with_1_at_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(&folder.path().join("data"));
    let (status, _, errors) = cometql(&["sql", "-e", "SELECT * FROM nothing", "--data", &data]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("'CometQL_v1.nothing' doesn't exist"), "{errors}");
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn succeed(arguments: &[&str]) -> String {
    let (status, output, errors) = cometql(arguments);
    assert!(status.success(), "cometql {}: {status}\n{output}\n{errors}", arguments.join(" "));
    output
}

/// `cometql` with text on its standard input; its standard output.
fn pipe(arguments: &[&str], input: &str) -> String {
    let mut process = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cometql runs");
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
