//! The program under test, as a process of its own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::Duration,
};

use mysql::{Conn, OptsBuilder};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::{NamedTempFile, TempDir};

use super::{DATABASE, STARTUP_LIMIT, wait_until};

/// The program that cargo built for these tests.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_cometql");

/// The password that [`Server`] is configured with.
pub const PASSWORD: &str = "test-password";

/// The tenant that tests log in as: the mission's backend is tenant 15.
pub const TENANT: &str = "15";

/// How long the program may take to end after SIGTERM.
pub const SHUTDOWN_LIMIT: Duration = Duration::from_secs(15);

/// The error of a server that wants TLS, so that it is ready.
const TLS_REQUIRED: u16 = 3159;

/// `cometql serve` on a temporary folder and a loopback address that no other test uses. It ends with this value.
pub struct Server {
    folder: TempDir,
    address: SocketAddrV4,
    process: KilledOnDrop,
}

/// A process that does not outlive the test that started it.
pub struct KilledOnDrop(pub Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts it and waits until it accepts a login.
    pub fn start() -> Server {
        Self::start_with("")
    }

    /// Like [`Self::start`], with more lines for the end of its comet.ini.
    pub fn start_with(settings: &str) -> Server {
        Self::start_under(settings, |_| Command::new(PROGRAM))
    }

    /// Like [`Self::start`], with its system calls `calls` written to [`Self::trace`].
    pub fn start_traced(calls: &str) -> Server {
        Self::start_under("", |folder| {
            // -D: the server is the child of this process, and strace watches from the side.
            let mut strace = Command::new("strace");
            strace.args(["-D", "-f", "-s", "256", "-e"]).arg(format!("trace={calls}"));
            strace.arg("-o").arg(folder.join("trace")).arg(PROGRAM);
            strace
        })
    }

    /// Like [`Self::start_with`], with limits of open files as `prlimit` takes them: `soft:hard`.
    pub fn start_with_open_files(settings: &str, limits: &str) -> Server {
        Self::start_under(settings, |_| {
            let mut prlimit = Command::new("prlimit");
            prlimit.arg(format!("--nofile={limits}")).arg(PROGRAM);
            prlimit
        })
    }

    fn start_under(settings: &str, program: impl FnOnce(&Path) -> Command) -> Server {
        let folder = tempfile::Builder::new().prefix("cometql-test-").tempdir().expect("temporary folder");
        let address = unused_address();
        let (ip, port) = (address.ip(), address.port());
        let config =
            format!("[main]\npassword = {PASSWORD}\n[cometql]\nip = {ip}\nport = {port}\n{settings}\n");
        fs::write(folder.path().join("comet.ini"), config).expect("comet.ini");
        let process = spawn(program(folder.path()), folder.path());
        let mut server = Server { folder, address, process };
        server.wait_until_ready();
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("comet.ini")
    }

    /// Everything it wrote to standard output and standard error, over all restarts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("log")
    }

    /// The system calls so far, if it was started by [`Self::start_traced`].
    pub fn trace(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("trace")).expect("trace")).into_owned()
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.process.0.id()
    }

    /// Login of a tenant, with the database chosen.
    pub fn options(&self, tenant: &str) -> OptsBuilder {
        OptsBuilder::new()
            .ip_or_hostname(Some(self.address.ip().to_string()))
            .tcp_port(self.address.port())
            .prefer_socket(false)
            .user(Some(tenant))
            .pass(Some(PASSWORD))
            .db_name(Some(DATABASE))
    }

    /// A connection as [`TENANT`].
    pub fn connect(&self) -> Conn {
        self.connect_as(TENANT)
    }

    /// A connection as `tenant`.
    pub fn connect_as(&self, tenant: &str) -> Conn {
        Conn::new(self.options(tenant)).unwrap_or_else(|error| panic!("login: {error}\n{}", self.log()))
    }

    /// `kill -9`: ends it as a crash does.
    pub fn kill(&mut self) {
        self.process.0.kill().expect("kill");
        self.process.0.wait().expect("wait");
    }

    /// SIGTERM, then waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait_for_exit()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process.0), signal).expect("signal");
    }

    /// Waits until it has ended by itself.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the server has ended", SHUTDOWN_LIMIT, || {
            status = self.process.0.try_wait().expect("wait");
            status.is_some()
        });
        status.expect("status")
    }

    /// Starts it again on the same folder and address, after it ended.
    pub fn restart(&mut self) {
        self.process = spawn(Command::new(PROGRAM), self.folder.path());
        self.wait_until_ready();
    }

    /// Starts it again and kills it after `delay`, whatever it has come to by then.
    pub fn kill_while_starting(&mut self, delay: Duration) {
        self.process = spawn(Command::new(PROGRAM), self.folder.path());
        thread::sleep(delay);
        self.kill();
    }

    fn wait_until_ready(&mut self) {
        let options = mysql::Opts::from(self.options(TENANT));
        wait_until("the server accepts connections", STARTUP_LIMIT, || {
            let ended = self.process.0.try_wait().expect("wait");
            assert!(ended.is_none(), "the server ended with {ended:?}:\n{}", self.log());
            match Conn::new(options.clone()) {
                Ok(_) => true,
                Err(mysql::Error::MySqlError(refused)) if refused.code == TLS_REQUIRED => true,
                Err(mysql::Error::IoError(_) | mysql::Error::DriverError(_)) => false,
                Err(refused) => panic!("login: {refused}\n{}", self.log()),
            }
        });
    }
}

/// A configuration file for a server on `address`, to be given to [`cometql`].
pub fn config_file(address: SocketAddrV4) -> NamedTempFile {
    let file = NamedTempFile::new().expect("temporary file");
    fs::write(file.path(), config(address, "")).expect("comet.ini");
    file
}

fn config(address: SocketAddrV4, settings: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!("[main]\npassword = {PASSWORD}\n[cometql]\nip = {ip}\nport = {port}\n{settings}\n")
}

/// `cometql` with arguments, run to its end: exit status, standard output, standard error. One that does not end is
/// killed after a minute.
pub fn cometql(arguments: &[&str]) -> (ExitStatus, String, String) {
    let output = Command::new("timeout")
        .args(["--signal=KILL", "60", PROGRAM])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("timeout runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status, text(&output.stdout), text(&output.stderr))
}

fn spawn(mut program: Command, folder: &Path) -> KilledOnDrop {
    let log = File::options().create(true).append(true).open(folder.join("log")).expect("log");
    let process = program
        .arg("serve")
        .arg("--config")
        .arg(folder.join("comet.ini"))
        .arg("--data")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("log"))
        .stderr(log)
        .spawn()
        .expect("cometql runs");
    KilledOnDrop(process)
}

/// A loopback address of this process's own, so that tests running at the same time cannot take each other's: its
/// process id makes the IP address, of which 127.0.0.0/8 has enough, and a counter the port.
pub fn unused_address() -> SocketAddrV4 {
    static NEXT: AtomicU16 = AtomicU16::new(3307);
    let [_, a, b, c] = process::id().to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(127, a, b, c), NEXT.fetch_add(1, Ordering::Relaxed))
}
