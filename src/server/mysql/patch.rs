//! Packets out: what opensrv 0.7 leaves out or fixes is put into its packets as they pass.
//!
//! opensrv decides which packet comes next; the shim and the guard say beforehand, in the same order, what it lacks.

use std::{borrow::Cow, io, sync::Arc};

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
    /// The number of columns, and the head of a prepared statement: right as they are.
    Keep,
    /// OK: opensrv knows the counts, not the status, the warnings, or how the text is encoded.
    Ok { status: StatusFlags, warnings: u16, info: String },
    /// EOF: opensrv has neither status nor warnings.
    Eof { status: StatusFlags, warnings: u16 },
    /// ERR: opensrv's codes are those of its own list.
    Err { code: u16, state: &'static str },
    /// Column definitions: opensrv has no schema, original names, character set, length or decimals.
    Columns { columns: Arc<[ResultColumn]>, next: usize },
}

impl Patch {
    /// The payload to send in place of this one; None to send nothing.
    pub fn apply<'a>(&mut self, payload: &'a [u8]) -> io::Result<Option<Cow<'a, [u8]>>> {
        let patched = match self {
            Patch::Swallow => return Ok(None),
            Patch::Keep => return Ok(Some(Cow::Borrowed(payload))),
            Patch::Ok { status, warnings, info } => patch_ok(payload, *status, *warnings, info),
            Patch::Eof { status, warnings } => {
                (payload.first() == Some(&EOF)).then(|| packet::eof(*status, *warnings))
            }
            Patch::Err { code, state } => patch_err(payload, *code, state),
            Patch::Columns { columns, next } => {
                let definition = columns.get(*next).map(column::definition);
                *next += 1;
                definition
            }
        };
        let patched = patched
            .ok_or_else(|| io::Error::other(format!("opensrv wrote another packet than {}", self.name())))?;
        Ok(Some(Cow::Owned(patched)))
    }

    /// Whether the next packet is no longer this patch's.
    pub fn is_done(&self) -> bool {
        match self {
            Patch::Columns { columns, next } => *next >= columns.len(),
            _ => true,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Patch::Swallow | Patch::Keep => "any",
            Patch::Ok { .. } => "OK",
            Patch::Eof { .. } => "EOF",
            Patch::Err { .. } => "ERR",
            Patch::Columns { .. } => "a column definition",
        }
    }
}

fn patch_ok(payload: &[u8], status: StatusFlags, warnings: u16, info: &str) -> Option<Vec<u8>> {
    let mut rest = payload.strip_prefix(&[OK])?;
    packet::take_length(&mut rest)?;
    packet::take_length(&mut rest)?;
    let counts = payload.len() - rest.len();
    let mut patched = payload[..counts].to_vec();
    patched.extend(status.bits().to_le_bytes());
    patched.extend(warnings.to_le_bytes());
    if !info.is_empty() {
        packet::put_string(&mut patched, info.as_bytes());
    }
    Some(patched)
}

fn patch_err(payload: &[u8], code: u16, state: &str) -> Option<Vec<u8>> {
    // 0xff, the code, '#', five letters of SQLSTATE, the text.
    let text = payload.strip_prefix(&[ERR])?.get(8..)?;
    let mut patched = vec![ERR];
    patched.extend(code.to_le_bytes());
    patched.push(b'#');
    patched.extend(state.as_bytes());
    patched.extend(text);
    Some(patched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_keeps_its_counts() {
        let mut patch =
            Patch::Ok { status: StatusFlags::SERVER_STATUS_IN_TRANS, warnings: 2, info: "Records: 3".into() };
        let patched = patch.apply(&[0, 3, 0xfc, 0, 1, 0, 0, 0, 0]).unwrap().unwrap();
        assert_eq!(&patched[..], b"\x00\x03\xfc\x00\x01\x01\x00\x02\x00\x0aRecords: 3");
    }

    #[test]
    fn err_takes_any_code() {
        let patched = Patch::Err { code: 15, state: "HY000" }
            .apply(b"\xff\x00\x04#42000no such table")
            .unwrap()
            .unwrap();
        assert_eq!(&patched[..], b"\xff\x0f\x00#HY000no such table");
    }

    #[test]
    fn another_packet_than_expected_ends_the_connection() {
        for (mut patch, payload) in [
            (
                Patch::Ok { status: StatusFlags::empty(), warnings: 0, info: String::new() },
                &b"\xff\x00\x04#42000x"[..],
            ),
            (Patch::Eof { status: StatusFlags::empty(), warnings: 0 }, b"\x00"),
            (Patch::Err { code: 1, state: "HY000" }, b"\xff\x00"),
        ] {
            assert!(patch.apply(payload).is_err());
        }
    }
}
