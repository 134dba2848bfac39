//! `cometql serve`.

use std::{fs, net::SocketAddr, path::Path, process::ExitCode, sync::Arc, time::Duration};

use cometql::{
    config::{self, FreeswitchNode, MysqlSettings, PASSWORD_FILE, Secret, Settings, StatementLimits},
    freeswitch::{self, Cluster, Enforcer, Nodes},
    realtime::{self, Realtime},
    server::{
        Listener, Service, directory::DirectoryPort, make_room, mysql::MysqlPort, stop_signal,
        websocket::WebsocketPort,
    },
    sql::{Catalog, Clock, Engine, Limits, SystemClock},
    tables::{Accounts, Database, TenantPasswords},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use super::Failure;

/// Serves until the process is asked to stop. `config_file` is what is read again on SIGHUP.
pub fn serve(settings: &Settings, config_file: Option<&Path>) -> Result<ExitCode, Failure> {
    fs::create_dir_all(&settings.store.folder)
        .map_err(|reason| format!("cannot create {}: {reason}", settings.store.folder.display()))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cluster = Cluster::new(&settings.sip, &clock);
    let database = super::open_with(settings, &cluster)?;
    let (password, shown) = password(settings)?;
    let runtime = super::runtime()?;
    let served = runtime.block_on(run(settings, config_file, database.clone(), &cluster, password, &shown));
    // A thread may still be looking up a node's host name, for as long as the resolver takes.
    runtime.shutdown_timeout(Duration::from_secs(1));
    database.close();
    served?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn run(
    settings: &Settings,
    config_file: Option<&Path>,
    database: Database,
    cluster: &Cluster,
    password: Secret,
    shown: &str,
) -> Result<(), Failure> {
    let settings = &with_room(settings);
    let (catalog, clock): (Arc<dyn Catalog>, _) = (Arc::new(database.clone()), cluster.clock());
    let engine = Engine::new(Arc::clone(&catalog), Arc::clone(clock), limits(&settings.mysql));
    let accounts: Arc<dyn Accounts> = Arc::new(TenantPasswords {
        catalog: Arc::clone(&catalog),
        clock: Arc::clone(clock),
        general: password.clone(),
    });
    let port = Arc::new(MysqlPort::new(Arc::clone(&engine), Arc::clone(&accounts), settings.mysql.clone())?);
    // On threads of the runtime, where connections are, so that none is handed from one thread to another.
    let mut listeners = JoinSet::new();
    // Before anything can be committed that browsers are to be told.
    let realtime = match &settings.websocket {
        Some(websocket) => {
            let salt = settings.sip.pipe_salt.clone().unwrap_or(password);
            let realtime =
                Realtime::start(&database, clock, accounts, salt, websocket.realtime.clone()).await?;
            if websocket.exposes_passwords() {
                warn!("[ws] admin lets other machines send SQL, with their passwords, and without TLS");
            }
            let figures = Box::new(move || engine.figures());
            let browsers = WebsocketPort::new(&realtime, clock, websocket.clone(), figures)?;
            let listener = listen(Arc::new(browsers.with_sql(&port)))?;
            info!(address = %listener.address()?, "browsers are served");
            listeners.spawn(listener.run(stop()));
            Some(realtime)
        }
        None => {
            realtime::forget_everybody(&database, clock.as_ref()).await?;
            None
        }
    };
    let mut nodes = freeswitch::start(cluster, settings.sip.timing, &catalog).await?;
    let enforcer = Enforcer::new(cluster, &catalog, database.audience());
    let _enforcer = AbortOnDropHandle::new(tokio::spawn(enforcer.run()));
    if let Some(settings) = &settings.directory {
        if settings.credentials.is_none() && !settings.is_local() {
            warn!("[freeswitch] allow lets other machines ask the directory, without user and password");
        }
        let listener = listen(Arc::new(DirectoryPort::new(&catalog, clock, settings.clone())?))?;
        info!(address = %listener.address()?, "the directory for FreeSWITCH is open");
        listeners.spawn(listener.run(stop()));
    }
    let listener = listen(port)?;
    let address = listener.address()?;
    info!(%address, folder = %settings.store.folder.display(), nodes = settings.sip.nodes.len(), "serving");
    greet(address, shown);
    listeners.spawn(listener.run(stop()));
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            ended = listeners.join_next() => match ended {
                Some(ended) => ended.map_err(|reason| format!("a listener ended: {reason}"))?,
                None => break,
            },
            Some(()) = hangup.recv() => read_nodes_again(config_file, &mut nodes).await,
        }
    }
    nodes.stop().await;
    if let Some(realtime) = realtime {
        realtime.flush().await?;
    }
    Ok(())
}

/// After SIGHUP: the nodes are those that the file names now.
async fn read_nodes_again(file: Option<&Path>, nodes: &mut Nodes) {
    let Some(file) = file else { return };
    let loaded = match config::load(file) {
        Ok(loaded) => loaded,
        Err(error) => return error!("SIGHUP: the FreeSWITCH nodes stay as they were: {error}"),
    };
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let settings = &loaded.settings.sip;
    match nodes.configure(settings).await {
        Ok(()) => {
            let names: Vec<_> = settings.nodes.iter().map(FreeswitchNode::name).collect();
            info!(nodes = names.join(" "), "SIGHUP: the FreeSWITCH nodes are read again");
        }
        Err(error) => error!(%error, "SIGHUP: not all of the new FreeSWITCH nodes could be taken over"),
    }
}

/// The settings with as many connections as there are file descriptors for.
fn with_room(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    let Settings { mysql, directory, websocket, .. } = &mut settings;
    let (mut no_directory, mut no_websocket) = (0, 0);
    let connections = [
        &mut mysql.max_connections,
        directory.as_mut().map_or(&mut no_directory, |directory| &mut directory.max_connections),
        websocket.as_mut().map_or(&mut no_websocket, |websocket| &mut websocket.max_connections),
    ];
    let room = make_room(connections.each_ref().map(|wanted| **wanted));
    for (connections, room) in connections.into_iter().zip(room) {
        *connections = room;
    }
    settings
}

/// Ready when the process is asked to stop.
async fn stop() {
    if let Err(reason) = stop_signal().await {
        error!(%reason, "cannot wait for signals");
    }
}

fn listen<S: Service>(port: Arc<S>) -> Result<Listener<S>, Failure> {
    let address = port.address();
    Ok(Listener::bind_shared(port).map_err(|reason| format!("cannot listen on {address}: {reason}"))?)
}

/// The engine's limits as they are set.
fn limits(settings: &MysqlSettings) -> Limits {
    let StatementLimits { bytes, memory, time, prepared, prepared_bytes } = settings.statements;
    Limits {
        statement_bytes: bytes,
        insert_bytes: settings.max_packet,
        memory_bytes: memory,
        total_memory_bytes: settings.max_memory,
        statement_time: time,
        prepared_statements: prepared,
        prepared_bytes,
        ..Limits::default()
    }
}

/// The general password, and how the command line shows it: in full only when it was made just now.
fn password(settings: &Settings) -> Result<(Secret, String), Failure> {
    if let Some(password) = &settings.password {
        return Ok((password.clone(), String::new()));
    }
    let folder = &settings.store.folder;
    let file = folder.join(PASSWORD_FILE);
    let kept = config::password_of_folder(folder)
        .map_err(|reason| format!("cannot keep a password in {}: {reason}", file.display()))?;
    let shown = if kept.is_new {
        kept.password.expose().to_owned()
    } else {
        format!("\"$(cat '{}')\"", file.display())
    };
    Ok((kept.password, shown))
}

/// Shows how to get in.
fn greet(address: SocketAddr, password: &str) {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    println!("cometql {} is ready:", env!("CARGO_PKG_VERSION"));
    println!("  mysql -h {host} -P {} -u 0 -p{password} CometQL_v1", address.port());
}
