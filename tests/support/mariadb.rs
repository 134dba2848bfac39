//! A private MariaDB: the reference that answers are compared with.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use mysql::{Conn, Opts, OptsBuilder, prelude::Queryable};
use tempfile::TempDir;

use super::{STARTUP_LIMIT, set_up, wait_until};

/// A MariaDB of this test's own, on a unix socket in a temporary folder. It ends with this value, and also when this
/// process dies without dropping it.
pub struct MariaDb {
    guard: Child,
    folder: TempDir,
}

/// Runs its arguments as a child, writes the child's process id down, and ends the child and removes the folder when
/// standard input closes: whatever becomes of the test, nothing of the server stays behind.
const GUARD: &str = r#"folder=$1; shift; "$@" & pid=$!; echo $pid > "$folder/guarded.pid"; cat > /dev/null; kill -9 $pid; wait $pid; rm -rf "$folder""#;

impl MariaDb {
    /// The one MariaDB that the tests of this process share. Each must use a database of its own ([`Self::database`]).
    pub fn shared() -> &'static MariaDb {
        static SHARED: OnceLock<MariaDb> = OnceLock::new();
        SHARED.get_or_init(|| {
            MariaDb::start(&[
                "--skip-networking",
                "--innodb-buffer-pool-size=32M",
                "--innodb-log-file-size=16M",
            ])
        })
    }

    /// The shared MariaDB for one test at a time: for tests that need the database's own name.
    pub fn exclusive() -> impl Deref<Target = MariaDb> {
        static TURN: Mutex<()> = Mutex::new(());
        Turn { server: MariaDb::shared(), _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Makes a data folder and starts a server on it with `options`, and MariaDB's own defaults otherwise except for
    /// text, which is utf8mb4 compared by code point. Returns when it accepts connections.
    pub fn start(options: &[&str]) -> MariaDb {
        let folder = tempfile::Builder::new().prefix("cometql-mariadb-").tempdir().expect("temporary folder");
        let data = folder.path().join("data");
        let install = Command::new("mariadb-install-db")
            .args([
                "--no-defaults",
                "--user=root",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--force",
            ])
            .arg(format!("--datadir={}", data.display()))
            .output()
            .expect("mariadb-install-db runs (package mariadb-server)");
        assert!(install.status.success(), "mariadb-install-db: {}", String::from_utf8_lossy(&install.stderr));

        let log = fs::File::create(folder.path().join("log")).expect("log file");
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(folder.path())
            .args(["mariadbd", "--no-defaults", "--user=root"])
            .args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mariadbd runs (package mariadb-server)");
        let server = MariaDb { guard, folder };
        wait_until("MariaDB accepts connections", STARTUP_LIMIT, || Conn::new(server.options()).is_ok());
        server
    }

    /// The unix socket it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The process id of the server itself.
    pub fn process_id(&self) -> u32 {
        let text = fs::read_to_string(self.folder.path().join("guarded.pid")).expect("guarded.pid");
        text.trim().parse().expect("process id")
    }

    /// Login as root, without a database.
    pub fn options(&self) -> OptsBuilder {
        OptsBuilder::from_opts(Opts::default())
            .user(Some("root"))
            .socket(Some(self.socket().display().to_string()))
    }

    /// Connects, with [`set_up`] done.
    pub fn connect(&self) -> Conn {
        let mut connection = Conn::new(self.options()).expect("MariaDB login");
        set_up(&mut connection);
        connection
    }

    /// Like [`Self::connect`], with `database` chosen.
    pub fn connect_to(&self, database: &str) -> Conn {
        let mut connection = self.connect();
        connection.query_drop(format!("USE `{database}`")).expect("USE");
        connection
    }

    /// A connection to a fresh database `name`, with the tables of `migrations/*.sql` in it.
    pub fn database(&self, name: &str) -> Conn {
        let mut connection = self.connect();
        connection.query_drop(format!("DROP DATABASE IF EXISTS `{name}`")).expect("DROP DATABASE");
        connection.query_drop(format!("CREATE DATABASE `{name}`")).expect("CREATE DATABASE");
        connection.query_drop(format!("USE `{name}`")).expect("USE");
        for (file, text) in migrations() {
            let mut results = connection.query_iter(text).unwrap_or_else(|error| panic!("{file}: {error}"));
            while let Some(result) = results.iter() {
                result.for_each(|row| drop(row.unwrap_or_else(|error| panic!("{file}: {error}"))));
            }
        }
        connection
    }
}

/// One test's turn with the shared MariaDB.
struct Turn {
    server: &'static MariaDb,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = MariaDb;

    fn deref(&self) -> &MariaDb {
        self.server
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// The project's migrations in their order: file name and text.
fn migrations() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("folder entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("migration")))
        .collect()
}
