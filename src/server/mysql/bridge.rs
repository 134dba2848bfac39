//! What lies between the guard and opensrv: two buffers in memory.
//!
//! opensrv never sees the socket. It reads from the bridge, which holds one whole command at most (two packets in one
//! read make opensrv 0.7 use freed memory), and writes packets into it, which are patched as they pass. Both sides run
//! in the task of their connection, so a read or write that has to wait just returns `Pending`: the guard polls again
//! when it has fed or drained the bridge.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    packet::{self, HEADER},
    patch::Patch,
};

/// Bytes of answer that may wait for the socket before opensrv has to.
const OUTBOX_LIMIT: usize = 64 * 1024;

/// Bytes of buffer that an idle connection may keep.
const KEPT_CAPACITY: usize = 4 * 1024;

/// A handle on the buffers; both sides hold one.
#[derive(Clone, Default)]
pub(super) struct Bridge(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The command that opensrv is to read.
    inbox: Vec<u8>,
    /// How much of it was read.
    taken: usize,
    /// opensrv has read everything and wants the next command.
    starved: bool,
    /// The answer, packet by packet.
    outbox: Vec<u8>,
    /// opensrv has to wait until the outbox is drained.
    full: bool,
    /// Number of the next packet of the answer.
    sequence: u8,
    /// What to do with the next packets that opensrv writes; the others pass unchanged.
    patches: VecDeque<Patch>,
}

impl Bridge {
    /// Gives opensrv a command, whose answer begins with the given sequence number.
    pub fn feed(&self, command: &[u8], sequence: u8) {
        let mut state = self.0.lock();
        let state = &mut *state;
        state.inbox.clear();
        state.taken = 0;
        state.starved = false;
        // opensrv counts on from 0 and panics if it cannot; the answer is numbered here.
        packet::frame(&mut state.inbox, &mut 0, command);
        state.sequence = sequence;
    }

    /// Says what to do with the next packet after those already spoken for.
    pub fn patch(&self, patch: Patch) {
        self.0.lock().patches.push_back(patch);
    }

    /// Appends a row, whose payload `write` appends, between what opensrv writes; waits while the outbox is full.
    pub async fn row(&self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        poll_fn(|_| self.0.lock().poll_room()).await;
        let mut state = self.0.lock();
        let State { outbox, sequence, .. } = &mut *state;
        let mut written = Ok(());
        packet::frame_with(outbox, sequence, |out| written = write(out));
        written
    }

    /// Appends an answer of the guard's own, which begins with the given sequence number.
    pub fn answer(&self, sequence: u8, payloads: &[Vec<u8>]) {
        let mut state = self.0.lock();
        let state = &mut *state;
        state.sequence = sequence;
        for payload in payloads {
            packet::frame(&mut state.outbox, &mut state.sequence, payload);
        }
    }

    /// Whether opensrv waits for a command.
    pub fn is_starved(&self) -> bool {
        self.0.lock().starved
    }

    /// Whether opensrv waits for the outbox to be drained.
    pub fn is_full(&self) -> bool {
        self.0.lock().full
    }

    /// Takes the answer so far, leaving an empty buffer for the next part.
    pub fn drain(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        let mut state = self.0.lock();
        std::mem::swap(buffer, &mut state.outbox);
        state.full = false;
    }
}

impl State {
    /// Ready when there is room in the outbox. Nobody is woken: the guard polls when it has drained it.
    fn poll_room(&mut self) -> Poll<()> {
        self.full = self.outbox.len() >= OUTBOX_LIMIT;
        if self.full { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Passes on a packet of opensrv's, or a part of what is sent in its place. True when that was all.
    fn pass(&mut self, payload: &[u8]) -> io::Result<bool> {
        let Some(patch) = self.patches.front_mut() else {
            packet::frame_chunk(&mut self.outbox, &mut self.sequence, payload);
            return Ok(true);
        };
        patch.apply(payload, &mut self.outbox, &mut self.sequence)?;
        let passed = !patch.has_more_of_it();
        if patch.is_done() {
            self.patches.pop_front();
        }
        Ok(passed)
    }
}

/// opensrv's side for reading.
pub(super) struct BridgeReader(pub(super) Bridge);

impl AsyncRead for BridgeReader {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.0.lock();
        let rest = &state.inbox[state.taken..];
        let length = rest.len().min(buf.remaining());
        if length == 0 {
            state.starved = true;
            return Poll::Pending;
        }
        buf.put_slice(&rest[..length]);
        state.taken += length;
        if state.taken == state.inbox.len() && state.inbox.capacity() > KEPT_CAPACITY {
            (state.inbox, state.taken) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

/// opensrv's side for writing: each vectored write is one packet, its header and its payload.
pub(super) struct BridgeWriter(pub(super) Bridge);

impl AsyncWrite for BridgeWriter {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other("opensrv wrote a part of a packet")))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let [header, payload] = parts else {
            return Poll::Ready(Err(io::Error::other("opensrv wrote a packet without header or payload")));
        };
        debug_assert_eq!(header.len(), HEADER);
        let mut state = self.0.0.lock();
        loop {
            ready!(state.poll_room());
            if state.pass(payload)? {
                return Poll::Ready(Ok(header.len() + payload.len()));
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::sql::types::{DataType, ResultColumn};

    #[test]
    fn a_result_of_many_columns_waits_for_room_between_their_definitions() {
        const COLUMNS: usize = 4_000;
        let bridge = Bridge::default();
        let column = ResultColumn::expression("c".repeat(200), DataType::Double);
        bridge.patch(Patch::Definitions { columns: vec![column; COLUMNS].into(), next: 0 });
        let mut writer = BridgeWriter(bridge.clone());
        let parts = [IoSlice::new(&[0; HEADER]), IoSlice::new(b"the one that stands for all")];
        let (mut part, mut definitions, mut waited) = (Vec::new(), 0, 0);
        loop {
            let mut context = Context::from_waker(Waker::noop());
            let written = Pin::new(&mut writer).poll_write_vectored(&mut context, &parts);
            assert_eq!(bridge.is_full(), written.is_pending());
            bridge.drain(&mut part);
            assert!(part.len() < OUTBOX_LIMIT + 1_000, "{} bytes at once", part.len());
            let mut rest = &part[..];
            while let [low, middle, 0, number, payload @ ..] = rest {
                assert_eq!(usize::from(*number), definitions % 256);
                rest = &payload[usize::from(*low) + 256 * usize::from(*middle)..];
                definitions += 1;
            }
            match written {
                Poll::Ready(written) => break assert_eq!(written.unwrap(), 31),
                Poll::Pending => waited += 1,
            }
        }
        assert_eq!(definitions, COLUMNS);
        assert!(waited > 5, "it waited {waited} times");
        let _ = Pin::new(&mut writer).poll_write_vectored(&mut Context::from_waker(Waker::noop()), &parts);
        bridge.drain(&mut part);
        assert!(part.ends_with(b"the one that stands for all"), "what follows passes");
    }

    #[test]
    fn a_row_waits_until_there_is_room() {
        let bridge = Bridge::default();
        let mut context = Context::from_waker(Waker::noop());
        let row = || {
            Box::pin(bridge.row(|out| {
                out.extend([7; 10_000]);
                Ok(())
            }))
        };
        for _ in 0..OUTBOX_LIMIT.div_ceil(10_000 + HEADER) {
            assert!(row().as_mut().poll(&mut context).is_ready());
        }
        let mut waiting = row();
        assert!(waiting.as_mut().poll(&mut context).is_pending() && bridge.is_full());
        bridge.drain(&mut Vec::new());
        assert!(waiting.as_mut().poll(&mut context).is_ready() && !bridge.is_full());
    }
}
