//! The servers that cometql is measured beside, installed into `target/browsers-peers` when they are first wanted.

use std::{
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use mysql::{Conn, prelude::Queryable};
use tempfile::TempDir;

use crate::{
    client::{Steps, text, upgrade},
    support::{
        STARTUP_LIMIT,
        server::{KilledOnDrop, Server, unused_address},
        wait_until,
    },
};

/// What is published each time.
const MESSAGE: &str = "hello, everybody";
/// The files of [`Peer`]s that are not cometql.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/browsers/peers");
/// What is downloaded of Debian, each for the sake of a file in it.
const DEBIAN: [(&str, &str); 2] =
    [("nginx", "usr/sbin/nginx"), ("libnginx-mod-nchan", "usr/lib/nginx/modules/ngx_nchan_module.so")];

/// A server with subscribers of one pipe.
pub struct Peer {
    pub name: &'static str,
    /// Where browsers come in.
    pub address: SocketAddr,
    pub process_id: u32,
    /// How a browser comes into the pipe.
    pub steps: fn(SocketAddr) -> Steps,
    publisher: Publisher,
    /// End with the rest.
    _process: Option<KilledOnDrop>,
    _folder: Option<TempDir>,
}

/// How something is said in the pipe.
enum Publisher {
    Sql(Box<Conn>),
    /// A request, or a frame of a WebSocket, and whether it is answered.
    Bytes {
        stream: TcpStream,
        bytes: Vec<u8>,
        is_answered: bool,
    },
}

impl Peer {
    /// A server that runs already, whose port for browsers is at this address.
    pub fn cometql(server: &Server, address: SocketAddr) -> Self {
        Peer {
            name: "cometql",
            address,
            process_id: server.process_id(),
            steps: |address| {
                let subscribe = [text("subscription\nweb_news"), text("pipe_count\nweb_news\n1")].concat();
                vec![(upgrade(address, &visit("0", 0)), "serverInfo"), (subscribe, "user_in_pipe")]
            },
            publisher: Publisher::Sql(Box::new(server.connect())),
            _process: None,
            _folder: None,
        }
    }

    /// Starts the others.
    pub fn others() -> [Self; 3] {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browsers-peers");
        fs::create_dir_all(&folder).expect("folder for peers");
        install_node(&folder);
        let [nginx, module] = install_debian(&folder);
        let ws_steps = |address| vec![(upgrade(address, "/"), "\r\n\r\n")];
        let socket_io_steps = |address| {
            vec![(upgrade(address, "/socket.io/?EIO=4&transport=websocket"), "0{"), (text("40"), "40{")]
        };
        [
            Self::node("ws", &folder, ws_steps, MESSAGE),
            Self::node("socket.io", &folder, socket_io_steps, &format!(r#"42["news","{MESSAGE}"]"#)),
            Self::nchan(&nginx, &module),
        ]
    }

    fn node(name: &'static str, folder: &Path, steps: fn(SocketAddr) -> Steps, message: &str) -> Self {
        let address = unused_address();
        let mut command = Command::new("node");
        command.arg(format!("{name}.js")).arg(address.ip().to_string()).arg(address.port().to_string());
        let process = start(command.current_dir(folder), address.into());
        let mut stream = TcpStream::connect(address).expect("speaker");
        for (bytes, answer) in steps(address.into()) {
            stream.write_all(&bytes).expect("speaker");
            read_until(&mut stream, answer);
        }
        Peer {
            name,
            address: address.into(),
            process_id: process.0.id(),
            steps,
            publisher: Publisher::Bytes { stream, bytes: text(message), is_answered: false },
            _process: Some(process),
            _folder: None,
        }
    }

    fn nchan(nginx: &Path, module: &Path) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let address = unused_address();
        let config = fs::read_to_string(Path::new(FILES).join("nginx.conf")).expect("nginx.conf");
        let config =
            config.replace("MODULE", &module.display().to_string()).replace("ADDRESS", &address.to_string());
        let config_file = folder.path().join("nginx.conf");
        fs::write(&config_file, config).expect("nginx.conf");
        let mut command = Command::new(nginx);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&config_file);
        let process = start(&mut command, address.into());
        let request = format!(
            "POST /publish HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{MESSAGE}",
            MESSAGE.len()
        );
        Peer {
            name: "nchan",
            address: address.into(),
            process_id: process.0.id(),
            steps: |address| vec![(upgrade(address, "/subscribe"), "\r\n\r\n")],
            publisher: Publisher::Bytes {
                stream: TcpStream::connect(address).expect("publisher"),
                bytes: request.into_bytes(),
                is_answered: true,
            },
            _process: Some(process),
            _folder: Some(folder),
        }
    }

    /// Says something to all in the pipe.
    pub fn publish(&mut self) {
        match &mut self.publisher {
            Publisher::Sql(connection) => {
                let insert = format!(
                    "INSERT INTO pipes_messages (name, event, message) VALUES ('web_news', 'e', '{MESSAGE}')"
                );
                connection.query_drop(insert).expect("INSERT");
            }
            Publisher::Bytes { stream, bytes, is_answered } => {
                stream.write_all(bytes).expect("publishing");
                if *is_answered {
                    assert_ne!(stream.read(&mut [0; 4_096]).expect("answer"), 0, "no answer");
                }
            }
        }
    }
}

/// The path of a browser that logs in to cometql with this key, as the user of this number.
pub fn visit(key: &str, user: usize) -> String {
    format!("/ws/sesion={key}&myid={user}&devid=15&v=4.08&uuid=u&api=js")
}

fn start(command: &mut Command, address: SocketAddr) -> KilledOnDrop {
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let process = KilledOnDrop(process.unwrap_or_else(|error| panic!("{command:?}: {error}")));
    wait_until("the peer listens", STARTUP_LIMIT, || TcpStream::connect(address).is_ok());
    process
}

fn read_until(stream: &mut TcpStream, wanted: &str) {
    let (mut read, mut buffer) = (String::new(), [0; 4_096]);
    while !read.contains(wanted) {
        let length = stream.read(&mut buffer).expect("answer");
        assert_ne!(length, 0, "no {wanted:?} in {read:?}");
        read.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

/// What `npm ci` brings, and the servers of Node beside it.
fn install_node(folder: &Path) {
    for file in ["package.json", "package-lock.json", "ws.js", "socket.io.js"] {
        fs::copy(Path::new(FILES).join(file), folder.join(file)).expect(file);
    }
    if !folder.join("node_modules").exists() {
        run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(folder));
    }
}

/// nginx and nchan of Debian, which need not be installed in the system.
fn install_debian(folder: &Path) -> [PathBuf; 2] {
    DEBIAN.map(|(package, file)| {
        let unpacked = folder.join(package);
        if !unpacked.exists() {
            run(Command::new("sh").current_dir(folder).args([
                "-c",
                &format!("apt-get download {package} && dpkg-deb -x {package}_*.deb {package}"),
            ]));
        }
        unpacked.join(file)
    })
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
