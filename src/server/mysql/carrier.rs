//! opensrv as a coroutine: it runs inside its connection's task, between one command and the wish for the next.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use mysql_common::constants::CapabilityFlags;
use opensrv_mysql::{AsyncMysqlIntermediary, IntermediaryOptions};

use super::{
    bridge::{Bridge, BridgeReader, BridgeWriter},
    client::Client,
    patch::Patch,
    shim::Shim,
};

/// opensrv, and the bridge to it.
pub(super) struct Carrier {
    pub bridge: Bridge,
    opensrv: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

/// Why opensrv stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The command is answered; it wants the next.
    Starved,
    /// The answer so far must go to the socket first.
    Full,
    /// The client quit.
    Ended,
}

impl Carrier {
    /// Starts opensrv for a client that the guard has let in: its handshake is made up and goes nowhere.
    pub fn start(client: Arc<Client>) -> io::Result<Self> {
        let bridge = Bridge::default();
        let shim = Shim { client, bridge: bridge.clone() };
        let (reader, writer) = (BridgeReader(bridge.clone()), BridgeWriter(bridge.clone()));
        // The greeting, and the OK to the handshake response.
        bridge.patch(Patch::Swallow);
        bridge.patch(Patch::Swallow);
        bridge.feed(&handshake_response(), 0);
        let opensrv = Box::pin(async move {
            // Otherwise opensrv reads a database's name out of `USE` by itself.
            let options = IntermediaryOptions { process_use_statement_on_query: true, ..Default::default() };
            AsyncMysqlIntermediary::run_with_options(shim, reader, writer, &options).await
        });
        let mut carrier = Carrier { bridge, opensrv };
        match carrier.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(Stop::Starved)) => Ok(carrier),
            other => Err(io::Error::other(format!("opensrv did not take the handshake: {other:?}"))),
        }
    }

    /// Runs opensrv until it stops, or waits for something else than the bridge.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stop>> {
        match self.opensrv.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.map(|()| Stop::Ended)),
            Poll::Pending if self.bridge.is_full() => Poll::Ready(Ok(Stop::Full)),
            Poll::Pending if self.bridge.is_starved() => Poll::Ready(Ok(Stop::Starved)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The capabilities that make opensrv write the one form of its packets that the guard knows.
fn handshake_response() -> Vec<u8> {
    let capabilities = CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH;
    let mut payload = capabilities.bits().to_le_bytes().to_vec();
    // The largest packet, the character set and the filler, which opensrv does not look at.
    payload.extend([0; 4 + 1 + 23]);
    // No user, no password, and the plugin that opensrv asks for, so that it asks no further.
    payload.extend(b"\0\0mysql_native_password\0");
    payload
}
