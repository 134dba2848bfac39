//! `cometql sql`: statements in, tables out, on a data folder or a running server.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use cometql::{
    config::{self, Settings},
    sql::{
        Engine, Limits, Login, Outcome, Session, SystemClock, Tenant, parse::split_statements, types::print,
    },
};
use mysql::{SslOpts, prelude::Queryable};

use super::{Failure, open};
use crate::cli::table::Table;

/// A running server to talk to instead of opening a data folder.
#[derive(Args)]
pub struct ServerArguments {
    /// A running server; alone, the one that the settings describe.
    #[arg(long, value_name = "HOST[:PORT]", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    server: Option<String>,
    /// The user, a tenant's number.
    #[arg(short, long, value_name = "NUMBER", default_value = "0", requires = "server")]
    user: String,
    /// The password [default: that of the settings or the data folder].
    #[arg(short, long, env = "COMETQL_PASSWORD", hide_env_values = true, requires = "server")]
    password: Option<String>,
    /// Talk inside TLS, to a server whose certificate is valid for HOST.
    #[arg(long, requires = "server")]
    tls: bool,
    /// An authority to trust in TLS beside the public ones: its certificate, in PEM format; with it goes --tls.
    #[arg(long, value_name = "FILE", requires = "server")]
    tls_ca: Option<PathBuf>,
}

impl ServerArguments {
    /// How TLS is to be, if it is to be.
    fn tls(&self) -> Option<SslOpts> {
        let wanted = self.tls || self.tls_ca.is_some();
        wanted.then(|| SslOpts::default().with_root_cert_path(self.tls_ca.clone()))
    }
}

/// Runs statements; exit code 1 if one fails. Without `execute` they are read from standard input: a failure ends
/// them, unless it is a terminal.
pub fn sql(
    execute: Option<&str>,
    tenant: Tenant,
    settings: &Settings,
    server: &ServerArguments,
) -> Result<ExitCode, Failure> {
    let mut target: Box<dyn Target> = match Server::connect(server, settings)? {
        Some(server) => Box::new(server),
        None => Box::new(Folder::open(settings, tenant)?),
    };
    if let Some(statements) = execute {
        for statement in split_statements(statements) {
            target.run(statement)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let interactive = io::stdin().is_terminal();
    let mut statements = Statements::default();
    loop {
        if interactive {
            print!("{}", if statements.is_empty() { "cometql> " } else { "      -> " });
            io::stdout().flush()?;
        }
        let mut line = String::new();
        let ended = io::stdin().lock().read_line(&mut line)? == 0;
        for statement in if ended { statements.rest() } else { statements.line(&line) } {
            match target.run(&statement) {
                Ok(()) => {}
                Err(error) if interactive => eprintln!("{error}"),
                Err(error) => return Err(error),
            }
        }
        if ended {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Lines put together to statements.
#[derive(Default)]
struct Statements(String);

impl Statements {
    fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// Takes in a line; gives back the statements that it completes.
    fn line(&mut self, line: &str) -> Vec<String> {
        self.0.push_str(line);
        // A semicolon at the end counts if it is not inside quotes or a comment, where a word after it would go on with
        // the same statement.
        let count = |text: &str| split_statements(text).count();
        let ended = line.trim_end().ends_with(';') && count(&self.0) < count(&format!("{} x", self.0));
        if ended { self.rest() } else { Vec::new() }
    }

    /// What is left at the end of the input.
    fn rest(&mut self) -> Vec<String> {
        let text = std::mem::take(&mut self.0);
        split_statements(&text).map(str::to_owned).collect()
    }
}

/// What runs statements.
trait Target {
    /// Runs one and prints its outcome.
    fn run(&mut self, statement: &str) -> Result<(), Failure>;
}

/// A data folder, opened by this process.
struct Folder {
    database: cometql::tables::Database,
    runtime: tokio::runtime::Runtime,
    session: Session,
}

impl Folder {
    fn open(settings: &Settings, tenant: Tenant) -> Result<Self, Failure> {
        let database = open(settings)?;
        let engine = Engine::new(Arc::new(database.clone()), Arc::new(SystemClock), Limits::default());
        let login =
            Login { tenant, user: tenant.to_string(), host: "localhost".to_owned(), connection_id: 0 };
        Ok(Folder { database, runtime: super::runtime()?, session: Session::new(&engine, login) })
    }
}

impl Target for Folder {
    fn run(&mut self, statement: &str) -> Result<(), Failure> {
        let describe = |error: cometql::Error| {
            let (code, state, _) = error.codes();
            format!("ERROR {code} ({state}): {error}")
        };
        match self.runtime.block_on(self.session.execute(statement)).map_err(describe)? {
            Outcome::Done(done) => print_done(done.affected_rows, &done.info),
            Outcome::Rows(rows) => {
                let columns = Arc::clone(&rows.columns);
                let mut table = Table::new(columns.iter().map(|column| column.name.clone()));
                for row in rows {
                    let row = row.map_err(describe)?;
                    table.row(row.iter().zip(columns.iter()).map(|(value, column)| {
                        print(value, &column.expr_type)
                            .map(|printed| String::from_utf8_lossy(printed.as_bytes()).into_owned())
                    }))?;
                }
                table.end()?;
            }
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.database.close();
    }
}

/// A running server, over the MySQL protocol.
pub struct Server(mysql::Conn);

impl Server {
    /// Connects if the arguments ask for a server.
    pub fn connect(arguments: &ServerArguments, settings: &Settings) -> Result<Option<Self>, Failure> {
        let Some(address) = &arguments.server else { return Ok(None) };
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let host = if host.is_empty() { reachable(settings.mysql.ip).to_string() } else { host.to_owned() };
        let port = if port.is_empty() {
            settings.mysql.port
        } else {
            port.parse()
                .map_err(|_| format!("--server: the port must be a number 1..65535, found '{port}'"))?
        };
        let password = match (&arguments.password, &settings.password) {
            (Some(password), _) => password.clone(),
            (None, Some(password)) => password.expose().to_owned(),
            (None, None) => {
                let folder = &settings.store.folder;
                config::existing_password_of_folder(folder)
                    .map_err(|reason| format!("no --password, and none in {}: {reason}", folder.display()))?
                    .expose()
                    .to_owned()
            }
        };
        let options = mysql::OptsBuilder::new()
            .ip_or_hostname(Some(host))
            .tcp_port(port)
            .user(Some(&arguments.user))
            .pass(Some(password))
            .ssl_opts(arguments.tls())
            .prefer_socket(false);
        Ok(Some(Server(mysql::Conn::new(options).map_err(describe)?)))
    }

    /// Copies an export of everything, which only tenant 0 may see.
    pub fn export(&mut self, out: &mut dyn Write) -> Result<(), Failure> {
        for row in self.0.query_iter("SHOW EXPORT").map_err(describe)? {
            let line: String = mysql::from_row_opt(row.map_err(describe)?)?;
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

/// An address to connect to for one that is listened on.
fn reachable(listening: IpAddr) -> IpAddr {
    if listening.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listening }
}

/// What went wrong, as the `mysql` client says it.
fn describe(error: mysql::Error) -> String {
    match error {
        mysql::Error::MySqlError(error) => {
            format!("ERROR {} ({}): {}", error.code, error.state, error.message)
        }
        mysql::Error::DriverError(error) => error.to_string(),
        error => error.to_string(),
    }
}

impl Target for Server {
    fn run(&mut self, statement: &str) -> Result<(), Failure> {
        let result = self.0.query_iter(statement).map_err(describe)?;
        let columns: Vec<String> =
            result.columns().as_ref().iter().map(|column| column.name_str().into_owned()).collect();
        if columns.is_empty() {
            print_done(result.affected_rows(), &result.info_str());
            return Ok(());
        }
        let mut table = Table::new(columns.into_iter());
        for row in result {
            table.row(row.map_err(describe)?.unwrap().into_iter().map(|value| match value {
                mysql::Value::NULL => None,
                mysql::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                value => Some(value.as_sql(true)),
            }))?;
        }
        table.end()?;
        Ok(())
    }
}

fn print_done(affected_rows: u64, info: &str) {
    if io::stdout().is_terminal() {
        println!("Query OK, {affected_rows} rows affected\n{info}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes() {
        let mut statements = Statements::default();
        assert_eq!(statements.line("select 'a;\n"), Vec::<String>::new());
        assert_eq!(statements.line(";'; select\n"), Vec::<String>::new());
        let complete = statements.line("2;\n");
        assert_eq!(complete.len(), 2, "{complete:?}");
        assert!(statements.is_empty());
        assert_eq!(statements.line("select 3"), Vec::<String>::new());
        assert_eq!(statements.rest().len(), 1);
    }
}
