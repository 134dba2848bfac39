//! The subcommands, and what they share: settings, the log, the database.

mod data;
mod demo;
mod serve;
mod shell;
mod simulate;
mod table;

use std::{
    error::Error,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand};
use cometql::{
    config::{self, LogFormat, LogSettings, Settings},
    freeswitch::Cluster,
    sql::{Clock, SystemClock},
    store::Options,
    tables::Database,
};
use tracing::{Level, info, warn};
use tracing_subscriber::EnvFilter;

/// Why a subcommand failed, in words for the operator.
type Failure = Box<dyn Error>;

/// Conference invitations and live membership in SQL, over the MySQL protocol, for FreeSWITCH.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    place: Place,
}

/// Where the settings and the data are.
#[derive(Args, Clone)]
struct Place {
    /// Settings: a comet.ini, CppComet's included.
    #[arg(long, value_name = "FILE", alias = "conf")]
    config: Option<PathBuf>,
    /// The data folder [default: `[store] folder` of the settings, or ./data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Start although the data folder is damaged and acknowledged rows may be missing, with what can be read.
    #[arg(long)]
    force_recovery: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C (the default).
    Serve {
        #[command(flatten)]
        place: Place,
    },
    /// Write everything as text, from a data folder or a running server.
    Export {
        /// The file to write, - for standard output.
        file: PathBuf,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        server: shell::ServerArguments,
    },
    /// Read an export into an empty data folder.
    Import {
        /// The file to read.
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Read every row and index entry of a data folder and report what does not fit.
    Check {
        #[command(flatten)]
        place: Place,
    },
    /// Run statements on a data folder or a running server.
    Sql {
        /// The statements; without it they are read from standard input.
        #[arg(short = 'e', long, value_name = "STATEMENTS")]
        execute: Option<String>,
        /// Whose rows to see on a data folder.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        tenant: u32,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        server: shell::ServerArguments,
    },
    /// Show it all: a server, two simulated FreeSWITCHes, and people who invite each other, come, talk and leave.
    Demo(demo::DemoArguments),
    /// Be a FreeSWITCH with conferences in it, for trying cometql out.
    SimulateFreeswitch(simulate::SimulateArguments),
}

/// Runs the subcommand. The exit code is 0, or 1 if something is wrong; wrong usage is 2.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let command = arguments.command.unwrap_or(Command::Serve { place: arguments.place });
    match command {
        Command::Serve { place } => serve::serve(&place.settings()?, place.config.as_deref()),
        Command::Export { file, place, server } => data::export(&file, &place.quiet_settings()?, &server),
        Command::Import { file, place } => data::import(&file, &place.quiet_settings()?),
        Command::Check { place } => data::check(&place.quiet_settings()?),
        Command::Sql { execute, tenant, place, server } => {
            shell::sql(execute.as_deref(), tenant, &place.quiet_settings()?, &server)
        }
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::SimulateFreeswitch(arguments) => simulate::simulate(&arguments),
    }
}

impl Place {
    /// The settings, with the log started as they say.
    fn settings(&self) -> Result<Settings, Failure> {
        self.read(|settings| start_log(&settings.log))
    }

    /// The settings, with only warnings in the log: the output belongs to the subcommand.
    fn quiet_settings(&self) -> Result<Settings, Failure> {
        self.read(|settings| {
            start_log(&LogSettings {
                level: tracing_subscriber::filter::LevelFilter::WARN,
                ..settings.log.clone()
            });
        })
    }

    fn read(&self, start_log: impl FnOnce(&Settings)) -> Result<Settings, Failure> {
        let mut settings = match &self.config {
            None => {
                let settings = Settings::default();
                start_log(&settings);
                settings
            }
            Some(file) => {
                let loaded = config::load(file)?;
                start_log(&loaded.settings);
                for warning in &loaded.warnings {
                    warn!("{warning}");
                }
                if !loaded.unused.is_empty() {
                    info!(keys = loaded.unused.join(" "), "keys of CppComet without effect here");
                }
                loaded.settings
            }
        };
        if let Some(folder) = &self.data {
            settings.store.folder.clone_from(folder);
        }
        settings.store.force_recovery = self.force_recovery;
        Ok(settings)
    }
}

/// Starts the log on standard error.
fn start_log(settings: &LogSettings) {
    /// Logs that have switches of their own.
    const ALWAYS: [(&str, Level); 2] = [("queries", Level::INFO), ("slow_queries", Level::WARN)];
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(settings.level.to_string()));
    let filter = ALWAYS
        .into_iter()
        .filter_map(|(target, level)| format!("{target}={level}").parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match settings.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Opens the database that the settings name, with nodes that nobody asks.
fn open(settings: &Settings) -> Result<Database, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    open_with(settings, &Cluster::new(&settings.sip, &clock))
}

/// Opens the database that the settings name.
fn open_with(settings: &Settings, cluster: &Cluster) -> Result<Database, Failure> {
    let store = &settings.store;
    let options = Options {
        cache_bytes: store.cache_bytes,
        memory_warning: store.memory_watermark,
        disk_warning: store.disk_watermark,
        disk_reserve: store.disk_reserve,
        force_recovery: store.force_recovery,
        ..Options::default()
    };
    Ok(Database::open(&store.folder, options, Arc::new(cluster.clone()))?)
}

/// A runtime whose threads have room for deeply nested statements.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(cometql::server::STACK_BYTES)
        .build()
}
