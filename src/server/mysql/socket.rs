//! Packets in and bytes out: the only place that touches the socket.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::either::Either;

use super::packet::{HEADER, MAX_PAYLOAD};
use crate::{
    error::Error,
    server::tls,
    sql::{Encryption, Memory, Share},
};

/// Bytes that one read asks for.
const READ_SIZE: usize = 4 * 1024;
/// Bytes of a command that each connection may have without being counted.
const UNCOUNTED: usize = 64 * 1024;
/// How often a command is in memory: here, in the bridge, and in opensrv.
const COPIES: usize = 3;
/// Bytes of buffer that an idle connection may keep.
const KEPT_CAPACITY: usize = 16 * 1024;
/// How long, and for how many bytes, a refused client is listened to before its connection is closed.
const LINGER_TIME: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// How long a client may take to hear that its connection is closed.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// Bytes that may be read ahead of a statement under way, to notice that its client is gone.
const READ_AHEAD: usize = 16 * 1024;

/// A command or a handshake answer: the payloads of its packets joined.
pub(super) struct Command {
    pub payload: BytesMut,
    /// The sequence number of the answer's first packet.
    pub answer_sequence: u8,
}

/// Why no command could be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The client is gone, orderly or not.
    Closed,
    /// It was silent for too long, or in the middle of a command.
    TimedOut,
    /// What it sent may not be read; the error says why, the number is that of the answer's packet.
    Refused(Error, u8),
}

/// A client's stream, as it came or inside TLS.
pub(super) type Transport<S> = Either<S, Box<TlsStream<S>>>;

/// A client's socket.
pub(super) struct PacketSocket<S> {
    stream: S,
    input: BytesMut,
    /// The other side has closed; what it sent before is still in `input`.
    at_end: bool,
    /// The part of long commands in the memory of all.
    share: Share,
    /// Bytes of it that earlier commands still take.
    kept: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> PacketSocket<S> {
    /// Wraps a stream; long commands are counted in `memory`.
    pub fn new(stream: S, memory: &Arc<Memory>) -> Self {
        PacketSocket { stream, input: BytesMut::new(), at_end: false, share: Share::of(memory), kept: 0 }
    }

    /// Reads one command of at most `limit` bytes whose packets count from `sequence`. It must begin within `patience`, and
    /// from then on come as a whole within `pace`.
    pub async fn read(
        &mut self,
        sequence: u8,
        limit: usize,
        patience: Duration,
        pace: Duration,
    ) -> Result<Command, ReadError> {
        timeout(patience, self.fill(1)).await.unwrap_or(Err(ReadError::TimedOut))?;
        timeout(pace, self.read_command(sequence, limit)).await.unwrap_or(Err(ReadError::TimedOut))
    }

    async fn read_command(&mut self, mut sequence: u8, limit: usize) -> Result<Command, ReadError> {
        let mut whole = BytesMut::new();
        loop {
            self.fill(HEADER).await?;
            let header = self.input.split_to(HEADER);
            let length = payload_length(&header);
            if header[3] != sequence {
                return Err(ReadError::Refused(Error::PacketsOutOfOrder, header[3].wrapping_add(1)));
            }
            sequence = sequence.wrapping_add(1);
            if whole.len() + length > limit {
                let sequence = self.skip(length, sequence).await?;
                return Err(ReadError::Refused(Error::PacketTooLarge(limit), sequence));
            }
            if let Err(error) = self.fill_counted(length, whole.len()).await? {
                drop(whole);
                let sequence = self.skip(length, sequence).await?;
                return Err(ReadError::Refused(error, sequence));
            }
            let payload = self.input.split_to(length);
            if whole.is_empty() {
                whole = payload;
            } else {
                whole.extend_from_slice(&payload);
            }
            if length < MAX_PAYLOAD {
                return Ok(Command { payload: whole, answer_sequence: sequence });
            }
        }
    }

    /// Reads over the rest of a command, for a while: clients look for an answer only when they have sent all of it, and
    /// under the number after its last packet.
    async fn skip(&mut self, mut length: usize, mut sequence: u8) -> Result<u8, ReadError> {
        let mut left = LINGER_BYTES;
        let skipping = async {
            while left >= length {
                left -= length;
                let full = length == MAX_PAYLOAD;
                while length > 0 {
                    self.fill(1).await?;
                    let taken = length.min(self.input.len());
                    self.input.advance(taken);
                    length -= taken;
                }
                if !full {
                    break;
                }
                self.fill(HEADER).await?;
                let header = self.input.split_to(HEADER);
                length = payload_length(&header);
                sequence = header[3].wrapping_add(1);
            }
            Ok(sequence)
        };
        timeout(LINGER_TIME, skipping).await.unwrap_or(Err(ReadError::TimedOut))
    }

    /// As [`Self::fill`], with the bytes of the command that are there counted, of which `before` are elsewhere. Error 1041
    /// if all connections together have too much.
    async fn fill_counted(&mut self, length: usize, before: usize) -> Result<Result<(), Error>, ReadError> {
        let mut arrived = UNCOUNTED;
        loop {
            self.fill(length.min(arrived)).await?;
            if arrived >= length && before == 0 && length <= UNCOUNTED {
                return Ok(Ok(()));
            }
            if let Err(error) = self.share.resize(self.kept + COPIES * (before + length.min(arrived))) {
                return Ok(Err(error));
            }
            if arrived >= length {
                return Ok(Ok(()));
            }
            arrived *= 2;
        }
    }

    /// Reads until at least this many bytes are there. Memory grows with what arrives, not with what was announced.
    async fn fill(&mut self, length: usize) -> Result<(), ReadError> {
        while self.input.len() < length {
            self.input.reserve(READ_SIZE);
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => {
                    self.at_end = true;
                    return Err(ReadError::Closed);
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// Ready when the client has gone away; bytes that it sends ahead are kept, up to a bound.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.at_end {
                return Poll::Ready(());
            }
            let mut space = [0; 1024];
            if self.input.len() + space.len() > READ_AHEAD {
                return Poll::Pending;
            }
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.input.extend_from_slice(buffer.filled())
                }
                Poll::Ready(_) => self.at_end = true,
            }
        }
    }

    /// Writes everything; fails if the client takes nothing for too long.
    pub async fn write(&mut self, mut bytes: &[u8], patience: Duration) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = timeout(patience, self.stream.write(bytes)).await.map_err(|_| {
                io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")
            })??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        timeout(patience, self.stream.flush()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Reads and forgets what the client still sends, for a while: closing at once would take the last answer from it.
    pub async fn linger(&mut self) {
        let mut space = [0; READ_SIZE];
        let mut left = LINGER_BYTES;
        let reading = async {
            while left > 0 {
                match self.stream.read(&mut space).await {
                    Ok(0) | Err(_) => return,
                    Ok(read) => left = left.saturating_sub(read),
                }
            }
        };
        let _ = timeout(LINGER_TIME, reading).await;
    }

    /// Tells the client that nothing more comes. Without it, what ends a TLS connection might be an attacker.
    pub async fn close(&mut self) {
        let _ = timeout(CLOSE_TIME, self.stream.shutdown()).await;
    }

    /// Gives back the memory of large commands, but for what is kept elsewhere.
    pub fn shrink(&mut self, kept: usize) {
        self.kept = kept;
        // Less is always to be had, and no command that is kept was longer.
        let _ = self.share.resize(kept);
        if self.input.is_empty() && self.input.capacity() > KEPT_CAPACITY {
            self.input = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> PacketSocket<Transport<S>> {
    /// Puts what follows into TLS. What was read ahead belongs to it already, so that nothing sent in the clear passes
    /// for something sent inside.
    pub async fn secure(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        let Either::Left(stream) = self.stream else {
            return Err(io::Error::other("TLS inside TLS"));
        };
        let mut ahead = &self.input[..];
        let mut taken = Ok(());
        let accepting = acceptor.accept_with(stream, |connection| {
            while !ahead.is_empty() && taken.is_ok() {
                taken = connection
                    .read_tls(&mut ahead)
                    .and_then(|_| connection.process_new_packets().map_err(io::Error::other))
                    .map(drop);
            }
        });
        taken?;
        let stream = Either::Right(Box::new(accepting.await?));
        Ok(PacketSocket { stream, input: BytesMut::new(), at_end: false, share: self.share, kept: 0 })
    }

    /// How it is encrypted, if it is.
    pub fn encryption(&self) -> Option<Encryption> {
        match &self.stream {
            Either::Left(_) => None,
            Either::Right(stream) => tls::encryption(stream.get_ref().1),
        }
    }
}

fn payload_length(header: &[u8]) -> usize {
    usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16
}
