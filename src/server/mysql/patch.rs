//! Packets out: what opensrv 0.7 leaves out or fixes is put into its packets as they pass.
//!
//! opensrv decides which packet comes next; the shim and the guard say beforehand, in the same order, what it lacks.

use std::{io, sync::Arc};

use mysql_common::constants::StatusFlags;

use super::{
    column,
    packet::{self, EOF, ERR, OK},
};
use crate::sql::types::ResultColumn;

/// What is to be done with one packet, or with the run of packets that define columns.
pub(super) enum Patch {
    /// The handshake's packets, which the guard has already sent in its own way.
    Swallow,
    /// The head of a prepared statement: right as it is.
    Keep,
    /// The number of columns: opensrv counts the one that stands for all.
    Count(usize),
    /// OK: opensrv knows the counts, not the status, the warnings, or how the text is encoded.
    Ok { status: StatusFlags, warnings: u16, info: String },
    /// EOF: opensrv has neither status nor warnings.
    Eof { status: StatusFlags, warnings: u16 },
    /// ERR: opensrv's codes are those of its own list.
    Err { code: u16, state: &'static str },
    /// A prepared statement's column definitions: opensrv has no schema, original names, character set, length or decimals.
    Columns { columns: Arc<[ResultColumn]>, next: usize },
    /// A result's column definitions, in place of the one that opensrv writes.
    Definitions { columns: Arc<[ResultColumn]>, next: usize },
}

impl Patch {
    /// Appends to `out` the packet to send in place of the one with this payload, if there is one.
    pub fn apply(&mut self, payload: &[u8], out: &mut Vec<u8>, sequence: &mut u8) -> io::Result<()> {
        let known = match self {
            Patch::Swallow => return Ok(()),
            Patch::Keep => {
                packet::frame_chunk(out, sequence, payload);
                Some(())
            }
            Patch::Count(columns) => {
                packet::frame_with(out, sequence, |out| packet::put_length(out, *columns));
                Some(())
            }
            Patch::Ok { status, warnings, info } => ok_counts(payload).map(|counts| {
                packet::frame_with(out, sequence, |out| {
                    out.extend(counts);
                    out.extend(status.bits().to_le_bytes());
                    out.extend(warnings.to_le_bytes());
                    if !info.is_empty() {
                        packet::put_string(out, info.as_bytes());
                    }
                });
            }),
            Patch::Eof { status, warnings } => (payload.first() == Some(&EOF))
                .then(|| packet::frame_chunk(out, sequence, &packet::eof(*status, *warnings))),
            Patch::Err { code, state } => err_text(payload).map(|text| {
                packet::frame_with(out, sequence, |out| {
                    out.push(ERR);
                    out.extend(code.to_le_bytes());
                    out.push(b'#');
                    out.extend(state.as_bytes());
                    out.extend(text);
                });
            }),
            Patch::Columns { columns, next } | Patch::Definitions { columns, next } => {
                columns.get(*next).map(|column| {
                    *next += 1;
                    packet::frame_with(out, sequence, |out| column::put_definition(out, column));
                })
            }
        };
        known.ok_or_else(|| io::Error::other(format!("opensrv wrote another packet than {}", self.name())))
    }

    /// Whether it is to be applied to the same packet again.
    pub fn has_more_of_it(&self) -> bool {
        matches!(self, Patch::Definitions { .. }) && !self.is_done()
    }

    /// Whether the next packet is no longer this patch's.
    pub fn is_done(&self) -> bool {
        match self {
            Patch::Columns { columns, next } | Patch::Definitions { columns, next } => *next >= columns.len(),
            _ => true,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Patch::Swallow | Patch::Keep | Patch::Count(_) => "any",
            Patch::Ok { .. } => "OK",
            Patch::Eof { .. } => "EOF",
            Patch::Err { .. } => "ERR",
            Patch::Columns { .. } | Patch::Definitions { .. } => "a column definition",
        }
    }
}

/// The part of an OK packet that counts rows and tells the last id.
fn ok_counts(payload: &[u8]) -> Option<&[u8]> {
    let mut rest = payload.strip_prefix(&[OK])?;
    packet::take_length(&mut rest)?;
    packet::take_length(&mut rest)?;
    Some(&payload[..payload.len() - rest.len()])
}

/// The text of an ERR packet: behind 0xff there are the code, '#' and five letters of SQLSTATE.
fn err_text(payload: &[u8]) -> Option<&[u8]> {
    payload.strip_prefix(&[ERR])?.get(8..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent for a packet, header and payload.
    fn applied(mut patch: Patch, payload: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        patch.apply(payload, &mut out, &mut 7).map(|()| out)
    }

    #[test]
    fn ok_keeps_its_counts() {
        let patch =
            Patch::Ok { status: StatusFlags::SERVER_STATUS_IN_TRANS, warnings: 2, info: "Records: 3".into() };
        let patched = applied(patch, &[0, 3, 0xfc, 0, 1, 0, 0, 0, 0]).unwrap();
        assert_eq!(&patched[..], b"\x14\x00\x00\x07\x00\x03\xfc\x00\x01\x01\x00\x02\x00\x0aRecords: 3");
    }

    #[test]
    fn err_takes_any_code() {
        let patched =
            applied(Patch::Err { code: 15, state: "HY000" }, b"\xff\x00\x04#42000no such table").unwrap();
        assert_eq!(&patched[..], b"\x16\x00\x00\x07\xff\x0f\x00#HY000no such table");
    }

    #[test]
    fn another_packet_than_expected_ends_the_connection() {
        for (patch, payload) in [
            (
                Patch::Ok { status: StatusFlags::empty(), warnings: 0, info: String::new() },
                &b"\xff\x00\x04#42000x"[..],
            ),
            (Patch::Eof { status: StatusFlags::empty(), warnings: 0 }, b"\x00"),
            (Patch::Err { code: 1, state: "HY000" }, b"\xff\x00"),
        ] {
            assert!(applied(patch, payload).is_err());
        }
    }
}
