//! A browser's stream with two writers: tungstenite, and whoever has a message for a browser for whom nothing waits.
//!
//! Waking a connection's task for each message takes longer than to write it. So a [`Wire`] is a [`Shortcut`], too: it
//! writes a whole frame at once, from whatever thread, if neither tungstenite nor an earlier frame is in the middle of one.
//! What the connection does not take of it is written by the task, as part of its reading and writing.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop::unconstrained,
};
use tokio_tungstenite::tungstenite::{
    Utf8Bytes,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::metrics::Traffic;
use crate::realtime::Shortcut;

/// Bytes of a message that takes the shortcut, at most: the kernel has room for as many, if it has any, and no more than
/// these are kept of one that it does not take whole.
const MAX_SHORTCUT: usize = 16 * 1024;

/// A stream that is shared with those who have messages.
pub(super) struct Wire<S>(Arc<Shared<S>>);

struct Shared<S> {
    line: Mutex<Line<S>>,
    sent: Traffic,
}

struct Line<S> {
    stream: S,
    /// tungstenite has begun to write something and not ended.
    is_busy: bool,
    /// The stream has not flushed all that it took.
    is_unflushed: bool,
    /// What is left of a frame that was written past tungstenite.
    rest: Vec<u8>,
    /// Wakes the task that reads.
    reader: Option<Waker>,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Wire<S> {
    /// Messages that take the shortcut are counted in `sent`.
    pub fn new(stream: S, sent: Traffic) -> Self {
        let line = Line { stream, is_busy: false, is_unflushed: false, rest: Vec::new(), reader: None };
        Wire(Arc::new(Shared { line: Mutex::new(line), sent }))
    }

    /// The way past tungstenite.
    pub fn shortcut(&self) -> Arc<dyn Shortcut> {
        Arc::<Shared<S>>::clone(&self.0)
    }
}

impl<S: AsyncWrite + Unpin> Line<S> {
    /// Writes a frame, or the beginning of it, if that can be done at once; whether it was.
    fn begin(&mut self, mut frame: Vec<u8>) -> bool {
        if self.is_busy || self.is_behind() {
            return false;
        }
        // Who has a message for many must not run out of a task's budget.
        let write = unconstrained(poll_fn(|cx| Pin::new(&mut self.stream).poll_write(cx, &frame)));
        let Some(Ok(written @ 1..)) = write.now_or_never() else { return false };
        self.rest = frame.split_off(written);
        let _ = unconstrained(poll_fn(|cx| self.poll_flush(cx))).now_or_never();
        if self.is_behind()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
        true
    }

    /// Whether there is something to write that tungstenite does not know of.
    fn is_behind(&self) -> bool {
        self.is_unflushed || !self.rest.is_empty()
    }

    /// Writes what is left of a frame.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => drop(self.rest.drain(..written)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(cx))?;
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.is_unflushed = flushed.is_pending();
        flushed
    }
}

impl<S: AsyncWrite + Send + Unpin> Shortcut for Shared<S> {
    fn try_send(&self, text: &Utf8Bytes) -> bool {
        if text.len() > MAX_SHORTCUT {
            return false;
        }
        let frame = Frame::message(text.clone(), OpCode::Data(Data::Text), true);
        let mut bytes = Vec::with_capacity(frame.len());
        let is_sent = frame.format(&mut bytes).is_ok() && self.line.lock().begin(bytes);
        if is_sent {
            self.sent.count(text.len());
        }
        is_sent
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &mut *self.0.line.lock();
        if line.is_behind() {
            // If it fails, reading fails, too.
            let _ = line.poll_flush(cx);
        }
        let read = Pin::new(&mut line.stream).poll_read(cx, buffer);
        if read.is_pending() && !line.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            line.reader = Some(cx.waker().clone());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let line = &mut *self.0.line.lock();
        // tungstenite writes all that it has at once: whole frames, if the stream takes all of it.
        line.is_busy = true;
        ready!(line.poll_rest(cx))?;
        let written = ready!(Pin::new(&mut line.stream).poll_write(cx, bytes))?;
        line.is_busy = written < bytes.len();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.line.lock().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.line.lock().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split},
        time::timeout,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn wire(room: usize) -> (DuplexStream, Wire<DuplexStream>, Arc<dyn Shortcut>) {
        let (browser, stream) = duplex(room);
        let wire = Wire::new(stream, Traffic::default());
        let shortcut = wire.shortcut();
        (browser, wire, shortcut)
    }

    /// What the browser gets next, which must come.
    async fn hear<const LENGTH: usize>(browser: &mut DuplexStream) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        timeout(PATIENCE, browser.read_exact(&mut bytes)).await.expect("it comes").unwrap();
        bytes
    }

    #[tokio::test]
    async fn a_message_goes_out_at_once() {
        let (mut browser, _wire, shortcut) = wire(64);
        // Far more than a task may do without giving way.
        for _ in 0..1_000 {
            assert!(shortcut.try_send(&"hello".into()));
            assert_eq!(&hear(&mut browser).await, b"\x81\x05hello");
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_written_by_who_reads() {
        let (mut browser, wire, shortcut) = wire(4);
        let (mut reading, mut writing) = split(wire);
        let reader = tokio::spawn(async move { reading.read_u8().await });
        tokio::task::yield_now().await;
        assert!(shortcut.try_send(&"hello".into()));
        assert!(!shortcut.try_send(&"after it".into()), "in the middle of a frame");
        assert_eq!(&hear(&mut browser).await, b"\x81\x05hello");

        // The other way about: nothing goes in between what tungstenite writes.
        let writer = tokio::spawn(async move { writing.write_all(b"tungsten").await });
        tokio::task::yield_now().await;
        assert!(!shortcut.try_send(&"!".into()));
        assert_eq!(&hear(&mut browser).await, b"tungsten");
        writer.await.unwrap().unwrap();
        assert!(shortcut.try_send(&"!".into()));
        reader.abort();
    }
}
