//! A load generator for MySQL servers that costs little itself: few threads, packets made before they are needed, one
//! write and about one read a command.

mod client;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio_rustls::rustls::ClientConfig;

use client::Client;
pub use client::{Command, Param};

/// Threads that send commands. The machine's other cores are the server's.
const THREADS: usize = 2;

/// Who logs in, where.
#[derive(Clone)]
pub struct Login {
    /// The server.
    pub address: SocketAddr,
    /// User name.
    pub user: &'static str,
    /// Password.
    pub password: &'static str,
    /// Database.
    pub database: &'static str,
    /// How to encrypt, if at all.
    pub tls: Option<Arc<ClientConfig>>,
}

/// A load: so many connections, each with its next command as soon as it has the answer to the last.
pub struct Load<'a> {
    /// Who logs in.
    pub login: &'a Login,
    /// How many connections.
    pub connections: usize,
    /// For how long.
    pub time: Duration,
    /// Statement to prepare on each connection.
    pub prepare: Option<&'a str>,
}

impl Load<'_> {
    /// Sends what `write` writes for a connection and the number of its command. Returns answers per second.
    pub fn run(&self, write: impl Fn(usize, u64, &mut Command) + Sync) -> f64 {
        let threads = THREADS.min(self.connections);
        self.on_threads(threads, |thread| {
            let own = (thread..self.connections).step_by(threads);
            let mut clients: Vec<(usize, Client)> = own
                .map(|number| (number, Client::connect(self.login, self.prepare).expect("login")))
                .collect();
            self.drive(&mut clients, &write).expect("answers")
        })
    }

    /// Like [`Load::run`], with a new connection for each command, as a PHP page makes it.
    pub fn reconnect(&self, write: impl Fn(usize, u64, &mut Command) + Sync) -> f64 {
        self.on_threads(self.connections, |thread| {
            let mut answered = 0;
            let start = Instant::now();
            while start.elapsed() < self.time {
                let mut client = Client::connect(self.login, self.prepare).expect("login");
                client.send(|command| write(thread, answered, command)).expect("command");
                client.receive().expect("answer");
                client.quit().expect("end");
                answered += 1;
            }
            rate(answered, start)
        })
    }

    /// The sum of what so many threads return.
    fn on_threads(&self, threads: usize, work: impl Fn(usize) -> f64 + Sync) -> f64 {
        let work = &work;
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
            workers.into_iter().map(|worker| worker.join().expect("worker")).sum()
        })
    }

    /// Keeps one command under way on each client. Returns answers per second.
    fn drive(
        &self,
        clients: &mut [(usize, Client)],
        write: &impl Fn(usize, u64, &mut Command),
    ) -> io::Result<f64> {
        let mut sent = 0;
        let start = Instant::now();
        for (number, client) in clients.iter_mut() {
            client.send(|command| write(*number, sent, command))?;
        }
        let mut answered = 0;
        while start.elapsed() < self.time {
            sent += 1;
            for (number, client) in clients.iter_mut() {
                client.receive()?;
                answered += 1;
                client.send(|command| write(*number, sent, command))?;
            }
        }
        let rate = rate(answered, start);
        clients.iter_mut().try_for_each(|(_, client)| client.receive())?;
        Ok(rate)
    }
}

fn rate(answered: u64, start: Instant) -> f64 {
    // Far below 2^52.
    answered as f64 / start.elapsed().as_secs_f64()
}
