//! Starting and ending: shutdown by signal, folders that cannot be opened, passwords, configuration mistakes.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mysql::{Conn, Opts, OptsBuilder, prelude::Queryable};
use rustix::process::Signal;

use crate::support::{
    DATABASE, STARTUP_LIMIT,
    server::{KilledOnDrop, PROGRAM, SHUTDOWN_LIMIT, Server, TENANT, cometql, config_file, unused_address},
    wait_until,
};

#[test]
fn sigterm_ends_it_with_0_and_keeps_what_was_committed() {
    let mut server = Server::start();
    let mut idle = server.connect();
    let mut open = server.connect();
    idle.query_drop("INSERT INTO users_data (id, data) VALUES (1, 'committed')").unwrap();
    open.query_drop("BEGIN").unwrap();
    open.query_drop("INSERT INTO users_data (id, data) VALUES (2, 'not committed')").unwrap();
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
    assert!(idle.query_drop("SELECT 1").is_err());
    server.restart();
    let ids: Vec<u32> = server.connect().query("SELECT id FROM users_data").unwrap();
    assert_eq!(ids, [1]);
}

#[test]
fn ctrl_c_ends_it_with_0() {
    let mut server = Server::start();
    server.signal(Signal::INT);
    assert_eq!(server.wait_for_exit().code(), Some(0), "{}", server.log());
}

#[test]
fn sigterm_lets_statements_under_way_finish() {
    let mut server = Server::start();
    let options: Opts = server.options(TENANT).into();
    let acknowledged = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let options = options.clone();
                scope.spawn(move || {
                    let mut connection = Conn::new(options).unwrap();
                    let mut id = writer * 1_000_000;
                    while connection
                        .query_drop(format!("INSERT INTO users_data (id, data) VALUES ({}, '')", id + 1))
                        .is_ok()
                    {
                        id += 1;
                    }
                    id - writer * 1_000_000
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(200));
        let start = Instant::now();
        assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
        assert!(start.elapsed() < SHUTDOWN_LIMIT);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<u32>()
    });
    server.restart();
    let count: u32 = server.connect().query_first("SELECT COUNT(*) FROM users_data").unwrap().unwrap();
    assert!(acknowledged > 0);
    // A client may have sent one statement whose answer never came.
    assert!((acknowledged..=acknowledged + 4).contains(&count), "{acknowledged} acknowledged, {count} there");
}

#[test]
fn a_restart_keeps_everything() {
    let mut server = Server::start();
    for tenant in ["15", "16"] {
        let mut connection = server.connect_as(tenant);
        connection.query_drop(format!("INSERT INTO users_auth (id, hash) VALUES (1, 'of{tenant}')")).unwrap();
    }
    server.terminate();
    server.restart();
    for tenant in ["15", "16"] {
        let hash: Vec<String> = server.connect_as(tenant).query("SELECT hash FROM users_auth").unwrap();
        assert_eq!(hash, [format!("of{tenant}")]);
    }
}

#[test]
fn a_second_process_on_the_folder_is_refused() {
    let server = Server::start();
    let other = config_file(unused_address());
    let data = server.data().display().to_string();
    let (status, _, errors) =
        cometql(&["serve", "--config", &other.path().display().to_string(), "--data", &data]);
    assert!(!status.success());
    assert!(errors.contains(&data), "{errors}");
    assert!(errors.contains("another process") || errors.contains("in use"), "{errors}");
    // The first one is not disturbed.
    server.connect().query_drop("SELECT 1").unwrap();
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("holiday.jpg"), "not ours").unwrap();
    let config = config_file(unused_address());
    let data = folder.path().display().to_string();
    let (status, _, errors) =
        cometql(&["serve", "--config", &config.path().display().to_string(), "--data", &data]);
    assert!(!status.success());
    assert!(errors.contains(&data), "{errors}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["holiday.jpg"], "it wrote into the folder");
}

#[test]
fn a_port_in_use_is_named() {
    let server = Server::start();
    let config = config_file(server.address());
    let folder = tempfile::tempdir().unwrap();
    let (status, output, errors) = cometql(&[
        "serve",
        "--config",
        &config.path().display().to_string(),
        "--data",
        &folder.path().join("data").display().to_string(),
    ]);
    assert!(!status.success());
    assert!(format!("{output}{errors}").contains(&server.address().to_string()), "{output}{errors}");
}

#[test]
fn the_first_start_makes_a_password_and_says_how_to_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let address = unused_address();
    let config = folder.path().join("comet.ini");
    fs::write(&config, format!("[cometql]\nip = {}\nport = {}\n", address.ip(), address.port())).unwrap();
    let process = Command::new(PROGRAM)
        .args(["serve", "--config", &config.display().to_string(), "--data", &data.display().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = KilledOnDrop(process);
    let file = data.join("password");
    let login = |password: &str| {
        OptsBuilder::new()
            .ip_or_hostname(Some(address.ip().to_string()))
            .tcp_port(address.port())
            .prefer_socket(false)
            .user(Some(TENANT))
            .pass(Some(password))
            .db_name(Some(DATABASE))
    };
    let mut password = String::new();
    wait_until("the server accepts its password", STARTUP_LIMIT, || {
        password = fs::read_to_string(&file).unwrap_or_default().trim().to_string();
        !password.is_empty() && Conn::new(login(&password)).is_ok()
    });
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(Conn::new(login("guessed")).is_err());
    assert!(Conn::new(login("")).is_err());

    process.0.kill().unwrap();
    process.0.wait().unwrap();
    let shown: Vec<String> =
        BufReader::new(process.0.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    let command =
        shown.iter().find(|line| line.contains("mariadb ") || line.contains("mysql ")).expect("a command");
    assert!(
        command.contains(&format!("-p{password}")) || command.contains(&format!("--password={password}")),
        "{command}"
    );
    assert!(command.contains(&address.port().to_string()), "{command}");
}

#[test]
fn a_bad_value_in_the_configuration_names_file_line_key_found_and_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("comet.ini");
    fs::write(&config, "[main]\npassword = x\n[cometql]\n; the port\nport = abc\n").unwrap();
    let (status, _, errors) = cometql(&["serve", "--config", &config.display().to_string()]);
    assert!(!status.success());
    for part in ["comet.ini", "5", "port", "abc", "1..65535"] {
        assert!(errors.contains(part), "'{part}' is not in: {errors}");
    }
}

#[test]
fn an_unknown_key_is_a_warning_with_its_line() {
    let server = Server::start_with("[main]\nno_such_key = 1");
    let log = server.log();
    let warning = log.lines().find(|line| line.contains("no_such_key")).expect("a warning");
    assert!(warning.contains("WARN"), "{warning}");
    // The sixth line of the file that Server writes is the section, the seventh the key.
    assert!(warning.contains('7'), "{warning}");
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let (status, _, errors) = cometql(&["serve", "--config", "/nonexistent/comet.ini"]);
    assert!(!status.success());
    assert!(errors.contains("/nonexistent/comet.ini"), "{errors}");
}
