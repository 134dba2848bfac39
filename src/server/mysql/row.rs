//! Rows of a result, as the two protocols lay them out.

use std::io;

use super::cell::Cell;
use crate::sql::types::{ResultColumn, Value};

/// How a result's rows are written.
#[derive(Clone, Copy)]
pub(super) enum RowFormat {
    /// Answers to QUERY.
    Text,
    /// Answers to EXECUTE.
    Binary,
}

impl RowFormat {
    /// Appends the payload of a row with these columns.
    pub fn put_row(self, out: &mut Vec<u8>, row: &[Value], columns: &[ResultColumn]) -> io::Result<()> {
        let mut cells = row.iter().zip(columns).map(|(value, column)| Cell(value, column));
        match self {
            RowFormat::Text => cells.try_for_each(|cell| cell.put_text(out)),
            RowFormat::Binary => {
                out.push(0);
                put_nulls(out, row);
                cells.filter(|cell| !cell.0.is_null()).try_for_each(|cell| cell.put_binary(out))
            }
        }
    }
}

/// A bit for each value, those that are NULL set; the first two are not used.
fn put_nulls(out: &mut Vec<u8>, row: &[Value]) {
    const FIRST_BIT: usize = 2;
    let start = out.len();
    out.resize(start + (FIRST_BIT + row.len()).div_ceil(8), 0);
    for (bit, _) in (FIRST_BIT..).zip(row).filter(|(_, value)| value.is_null()) {
        out[start + bit / 8] |= 1 << (bit % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::{DataType, IntWidth};

    fn payload(format: RowFormat, row: &[Value]) -> Vec<u8> {
        let tiny = DataType::Integer { width: IntWidth::Tiny, unsigned: false };
        let columns: Vec<_> = row.iter().map(|_| ResultColumn::expression("x", tiny)).collect();
        let mut out = Vec::new();
        format.put_row(&mut out, row, &columns).unwrap();
        out
    }

    #[test]
    fn nulls_are_marked_in_both() {
        let row = [Value::Int(1), Value::Null, Value::Int(-3)];
        assert_eq!(payload(RowFormat::Text, &row), b"\x011\xfb\x02-3");
        assert_eq!(payload(RowFormat::Binary, &row), [0, 0b1000, 1, 0xfd]);
        let mut many = vec![Value::Null; 6];
        assert_eq!(payload(RowFormat::Binary, &many), [0, 0b1111_1100]);
        many.push(Value::Null);
        assert_eq!(payload(RowFormat::Binary, &many), [0, 0b1111_1100, 1]);
    }
}
