//! The payloads that the guard writes by itself, and how payloads become packets.
//!
//! Only protocol 4.1 without CLIENT_DEPRECATE_EOF and CLIENT_SESSION_TRACK: the greeting offers neither, so that OK and
//! EOF have one form each.

use mysql_common::{constants::StatusFlags, io::BufMutExt};

use crate::{config::ErrorCodes, error::Error};

/// Bytes of a packet's header: the payload's length in three bytes, and the sequence number.
pub(super) const HEADER: usize = 4;
/// The longest payload of one packet. A longer one continues in the next, and one of exactly this length is followed
/// by an empty packet.
pub(super) const MAX_PAYLOAD: usize = 0xff_ffff;
/// First byte of an OK packet.
pub(super) const OK: u8 = 0x00;
/// First byte of an EOF packet.
pub(super) const EOF: u8 = 0xfe;
/// First byte of an ERR packet.
pub(super) const ERR: u8 = 0xff;
/// Bytes of an error's text that are sent; MySQL itself stops at 512.
const MAX_ERROR_TEXT: usize = 1024;

/// OK without a result.
pub(super) fn ok(status: StatusFlags, warnings: u16) -> Vec<u8> {
    let mut payload = vec![OK, 0, 0];
    payload.extend(status.bits().to_le_bytes());
    payload.extend(warnings.to_le_bytes());
    payload
}

/// EOF.
pub(super) fn eof(status: StatusFlags, warnings: u16) -> [u8; 5] {
    let ([w0, w1], [s0, s1]) = (warnings.to_le_bytes(), status.bits().to_le_bytes());
    [EOF, w0, w1, s0, s1]
}

/// ERR with the numbers that the configuration asks for.
pub(super) fn err(error: &Error, numbers: ErrorCodes) -> Vec<u8> {
    let (code, state) = error_code(error, numbers);
    let mut payload = vec![ERR];
    payload.extend(code.to_le_bytes());
    payload.push(b'#');
    payload.extend(state.as_bytes());
    payload.extend(error_text(error).as_bytes());
    payload
}

/// An error's number and SQLSTATE. CppComet sent HY000 with all of its numbers.
pub(super) fn error_code(error: &Error, numbers: ErrorCodes) -> (u16, &'static str) {
    let (code, state, comet) = error.codes();
    match numbers {
        ErrorCodes::Mysql => (code, state),
        ErrorCodes::Comet => (comet, "HY000"),
    }
}

/// An error's text; CppComet's number stands in it whichever number is sent.
pub(super) fn error_text(error: &Error) -> String {
    let (_, _, comet) = error.codes();
    let mut text = error.to_string();
    text.truncate(text.floor_char_boundary(MAX_ERROR_TEXT));
    format!("{text} (CometQL error {comet})")
}

/// Appends a payload as one packet, or several if it is long, and counts the sequence number on.
pub(super) fn frame(out: &mut Vec<u8>, sequence: &mut u8, payload: &[u8]) {
    let mut rest = payload;
    loop {
        let (chunk, tail) = rest.split_at(rest.len().min(MAX_PAYLOAD));
        frame_chunk(out, sequence, chunk);
        if chunk.len() < MAX_PAYLOAD {
            return;
        }
        rest = tail;
    }
}

/// As [`frame`], with a payload that `write` appends.
pub(super) fn frame_with(out: &mut Vec<u8>, sequence: &mut u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; HEADER]);
    write(out);
    let length = out.len() - start - HEADER;
    if length >= MAX_PAYLOAD {
        let payload = out.split_off(start + HEADER);
        out.truncate(start);
        return frame(out, sequence, &payload);
    }
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    out[start..start + HEADER].copy_from_slice(&[length[0], length[1], length[2], *sequence]);
    *sequence = sequence.wrapping_add(1);
}

/// Appends one packet of at most [`MAX_PAYLOAD`] bytes.
pub(super) fn frame_chunk(out: &mut Vec<u8>, sequence: &mut u8, chunk: &[u8]) {
    debug_assert!(chunk.len() <= MAX_PAYLOAD);
    let length = u32::try_from(chunk.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend([length[0], length[1], length[2], *sequence]);
    out.extend(chunk);
    *sequence = sequence.wrapping_add(1);
}

/// Appends a length-encoded integer.
pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    out.put_lenenc_int(u64::try_from(length).unwrap_or(u64::MAX));
}

/// Appends a length-encoded string.
pub(super) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_lenenc_str(bytes);
}

/// Reads a length-encoded integer; None if it is cut or a marker.
pub(super) fn take_length(input: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = input.split_first()?;
    let width = match first {
        0..=0xfa => {
            *input = rest;
            return Some(first.into());
        }
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(width)?;
    *input = rest;
    let mut number = [0; 8];
    number[..width].copy_from_slice(bytes);
    Some(u64::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_payloads_are_cut_and_a_full_packet_is_followed_by_an_empty_one() {
        for (length, expected) in
            [(0, vec![0]), (MAX_PAYLOAD, vec![MAX_PAYLOAD, 0]), (MAX_PAYLOAD + 1, vec![MAX_PAYLOAD, 1])]
        {
            let (mut out, mut sequence) = (Vec::new(), 255);
            frame(&mut out, &mut sequence, &vec![7; length]);
            let mut written = Vec::new();
            frame_with(&mut written, &mut 255, |out| out.resize(HEADER + length, 7));
            assert!(written == out);
            let mut rest = &out[..];
            let mut lengths = Vec::new();
            let mut number = 255u8;
            while !rest.is_empty() {
                let length = usize::from(rest[0]) | usize::from(rest[1]) << 8 | usize::from(rest[2]) << 16;
                assert_eq!(rest[3], number);
                number = number.wrapping_add(1);
                lengths.push(length);
                rest = &rest[HEADER + length..];
            }
            assert_eq!(lengths, expected);
            assert_eq!(sequence, number);
        }
    }

    #[test]
    fn lengths_are_read_or_refused() {
        for (bytes, expected) in [
            (&[0x05][..], Some(5)),
            (&[0xfc, 1, 2], Some(0x201)),
            (&[0xfd, 1, 0, 1], Some(0x1_0001)),
            (&[0xfe, 1, 0, 0, 0, 0, 0, 0, 1], Some(0x0100_0000_0000_0001)),
            (&[0xfc, 1], None),
            (&[0xfb], None),
            (&[0xff], None),
            (&[], None),
        ] {
            assert_eq!(take_length(&mut &bytes[..]), expected);
        }
    }

    #[test]
    fn errors_carry_the_numbers_asked_for() {
        let error = Error::UnknownDatabase("x".into());
        assert_eq!(
            err(&error, ErrorCodes::Mysql),
            b"\xff\x19\x04#42000Unknown database 'x' (CometQL error 15)"
        );
        assert_eq!(
            err(&error, ErrorCodes::Comet),
            b"\xff\x0f\x00#HY000Unknown database 'x' (CometQL error 15)"
        );
        let long = Error::Syntax("é".repeat(5_000));
        assert!(err(&long, ErrorCodes::Mysql).len() < 1_100);
    }
}
