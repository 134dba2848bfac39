//! The MySQL port: opensrv-mysql inside a guard.
//!
//! opensrv-mysql 0.7 carries the commands and the result sets, but as published it must not face a network: it uses
//! freed memory when two packets arrive together, reads the parameters of a repeated EXECUTE wrongly, lets CHANGE_USER
//! pass with any password, and panics at cut packets. So it never sees the socket:
//!
//! 1. [`login`] greets the client, wraps it in TLS if it likes, and checks its password; [`carrier`] gives opensrv a handshake made up for it.
//! 2. [`socket`] reads whole packets, within bounds. [`commands`] answers those commands that opensrv gets wrong, and
//!    refuses what cannot be decoded; [`prepared`] rewrites EXECUTE. The others go over the [`bridge`], one at a time.
//! 3. opensrv calls the [`shim`], which asks the [`Session`](crate::sql::Session), and writes the outcome into the
//!    bridge, where [`patch`] puts in what opensrv leaves out: status, warnings, error codes, column definitions. The
//!    [`row`]s of a result do not go through opensrv, which would put each into a buffer of its own first.
//! 4. [`connection`] moves it all: it feeds a command, runs opensrv as a coroutine of its own task, and writes the
//!    answer in large pieces.

mod bridge;
mod carrier;
mod cell;
mod claim;
mod client;
mod column;
mod commands;
mod connection;
mod login;
mod packet;
mod patch;
mod prepared;
mod row;
mod shim;
mod socket;
#[cfg(test)]
pub(super) mod test_support;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tracing::warn;

use super::{
    connections::{Connections, Entered},
    gate::Gate,
    listener::Service,
    threads::ConnectionThreads,
    tls::Tls,
};
use crate::{
    config::MysqlSettings,
    error::{Error, Result},
    sql::{Encryption, Engine, Login, Session, types::Value},
    tables::Accounts,
};

/// What all connections of the port share.
pub struct MysqlPort {
    pub(super) engine: Arc<Engine>,
    pub(super) settings: MysqlSettings,
    pub(super) connections: Arc<Connections>,
    /// None: no TLS is offered.
    pub(super) tls: Option<Tls>,
    pub(super) gate: Gate,
    threads: ConnectionThreads,
}

impl MysqlPort {
    /// A port to this engine, for those whom `accounts` knows. The engine hears of its connections, and of the settings
    /// that are also variables. An error names the file of TLS that cannot be used.
    pub fn new(engine: Arc<Engine>, accounts: Arc<dyn Accounts>, settings: MysqlSettings) -> Result<Self> {
        let tls = settings.tls.clone().map(|files| Tls::read("cometql", files)).transpose()?;
        let connections = Arc::new(Connections::new());
        engine.set_process_list(Arc::<Connections>::clone(&connections));
        let count = |number: usize| Value::UInt(u64::try_from(number).unwrap_or(u64::MAX));
        for (variable, value) in [
            ("port", Value::UInt(settings.port.into())),
            ("max_connections", count(settings.max_connections)),
            ("max_allowed_packet", count(settings.max_packet)),
            ("wait_timeout", Value::UInt(settings.idle_timeout.as_secs())),
            ("interactive_timeout", Value::UInt(settings.idle_timeout.as_secs())),
            ("net_read_timeout", Value::UInt(settings.read_timeout.as_secs())),
            ("net_write_timeout", Value::UInt(settings.write_timeout.as_secs())),
            ("have_openssl", Value::text(if tls.is_some() { "YES" } else { "NO" })),
            ("have_ssl", Value::text(if tls.is_some() { "YES" } else { "DISABLED" })),
            ("general_log", Value::Int(settings.query_log.queries.into())),
            ("slow_query_log", Value::Int(settings.query_log.slow_queries.is_some().into())),
            ("require_secure_transport", Value::Int(settings.tls_required.into())),
        ] {
            engine.variables().configure(variable, &value)?;
        }
        if let Some(time) = settings.query_log.slow_queries {
            engine.variables().configure("long_query_time", &Value::Double(time.as_secs_f64()))?;
        }
        let gate = Gate::new(accounts, settings.failed_login_burst, settings.failed_login_delay);
        let threads = ConnectionThreads::start()
            .map_err(|error| Error::Internal(format!("cannot start threads for connections: {error}")))?;
        Ok(MysqlPort { engine, settings, connections, tls, gate, threads })
    }

    /// A session for a tenant that has logged in, in the database that it asks for; others can see it from now on.
    pub(super) fn open_session(
        &self,
        entered: &Entered,
        login: Login,
        database: Option<&str>,
        encryption: Option<Encryption>,
    ) -> Result<Session> {
        let (tenant, user) = (login.tenant, login.user.clone());
        let mut session = Session::new(&self.engine, login);
        session.set_encryption(encryption);
        if let Some(database) = database {
            session.use_database(database)?;
        }
        entered.identify(tenant, user, session.database(), session.canceller());
        Ok(session)
    }

    /// Serves one client over any stream until it is gone.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self: Arc<Self>, stream: S, peer: SocketAddr) {
        let entered = self.connections.enter(peer);
        self.serve_entered(stream, peer, entered).await;
    }

    async fn serve_entered<S: AsyncRead + AsyncWrite + Unpin>(
        self: Arc<Self>,
        stream: S,
        peer: SocketAddr,
        entered: Entered,
    ) {
        connection::serve(stream, peer.ip(), entered, self).await;
    }

    /// The packet for a client for whom there is no room.
    fn too_many(&self) -> Vec<u8> {
        let mut out = Vec::new();
        packet::frame(&mut out, &mut 0, &packet::err(&Error::TooManyConnections, self.settings.error_codes));
        out
    }
}

impl Service for MysqlPort {
    const NAME: &'static str = "mysql";

    fn address(&self) -> SocketAddr {
        (self.settings.ip, self.settings.port).into()
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, clients: &mut JoinSet<()>) {
        if clients.len() >= self.settings.max_connections {
            // Nothing was sent yet, so that these few bytes fit.
            let _ = stream.try_write(&self.too_many());
            warn!(%peer, "too many connections");
            return;
        }
        let entered = self.connections.enter(peer);
        let entry = entered.entry();
        let port = Arc::clone(self);
        let serve = async move {
            // It was accepted on another thread, which is no longer to hear of it.
            match stream.into_std().and_then(TcpStream::from_std) {
                Ok(stream) => port.serve_entered(stream, peer, entered).await,
                Err(error) => warn!(%peer, %error, "cannot serve a client"),
            }
        };
        entry.runs_as(self.threads.spawn(clients, serve));
    }

    fn close_idle(&self) {
        self.connections.close_idle();
    }

    fn reload_certificate(&self) -> Result<()> {
        self.tls.as_ref().map_or(Ok(()), Tls::reload)
    }
}
