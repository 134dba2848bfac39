//! Column definitions, as MySQL 4.1's protocol lays them out.

use mysql_common::constants::{ColumnFlags, ColumnType};

use super::packet::put_string;
use crate::sql::types::{DataType, IntWidth, ResultColumn};

/// utf8mb4_general_ci, the character set of all text; one byte in the greeting, two in column definitions.
pub(super) const UTF8MB4: u8 = 45;
/// binary: numbers, dates, and bytes without a character set.
const BINARY: u16 = 63;

/// Bytes of the part of a definition whose fields all have a fixed length.
const FIXED_LENGTH: u8 = 12;

/// Appends the payload that defines a column. (`mysql_common` 0.32 has a structure for it, which it can read but not
/// write.)
pub(super) fn put_definition(out: &mut Vec<u8>, column: &ResultColumn) {
    for name in ["def", &column.schema, &column.table, &column.org_table, &column.name, &column.org_name] {
        put_string(out, name.as_bytes());
    }
    let character_set = if column.expr_type.data_type.is_text() { UTF8MB4.into() } else { BINARY };
    out.push(FIXED_LENGTH);
    out.extend(character_set.to_le_bytes());
    out.extend(column.display_length().to_le_bytes());
    out.push(column_type(column.expr_type.data_type) as u8);
    out.extend(flags(column).bits().to_le_bytes());
    out.push(column.decimals());
    out.extend([0; 2]);
}

/// The wire's name of a type.
fn column_type(data_type: DataType) -> ColumnType {
    match data_type {
        DataType::Null => ColumnType::MYSQL_TYPE_NULL,
        DataType::Integer { width, .. } => match width {
            IntWidth::Tiny => ColumnType::MYSQL_TYPE_TINY,
            IntWidth::Small => ColumnType::MYSQL_TYPE_SHORT,
            IntWidth::Medium => ColumnType::MYSQL_TYPE_INT24,
            IntWidth::Int => ColumnType::MYSQL_TYPE_LONG,
            IntWidth::Big => ColumnType::MYSQL_TYPE_LONGLONG,
        },
        DataType::Decimal { .. } => ColumnType::MYSQL_TYPE_NEWDECIMAL,
        DataType::Float => ColumnType::MYSQL_TYPE_FLOAT,
        DataType::Double => ColumnType::MYSQL_TYPE_DOUBLE,
        DataType::Char(_) | DataType::Binary(_) => ColumnType::MYSQL_TYPE_STRING,
        DataType::VarChar(_) | DataType::VarBinary(_) => ColumnType::MYSQL_TYPE_VAR_STRING,
        // All widths, as MySQL and MariaDB send them.
        DataType::Text(_) | DataType::Blob(_) => ColumnType::MYSQL_TYPE_BLOB,
        DataType::Date => ColumnType::MYSQL_TYPE_DATE,
        DataType::Time(_) => ColumnType::MYSQL_TYPE_TIME,
        DataType::DateTime(_) => ColumnType::MYSQL_TYPE_DATETIME,
        DataType::Timestamp(_) => ColumnType::MYSQL_TYPE_TIMESTAMP,
    }
}

fn flags(column: &ResultColumn) -> ColumnFlags {
    let mut flags = ColumnFlags::empty();
    flags.set(ColumnFlags::NOT_NULL_FLAG, !column.expr_type.nullable);
    flags.set(ColumnFlags::PRI_KEY_FLAG, column.primary_key);
    flags.set(ColumnFlags::MULTIPLE_KEY_FLAG, column.multiple_key);
    flags.set(ColumnFlags::PART_KEY_FLAG, column.primary_key || column.multiple_key);
    flags.set(ColumnFlags::NO_DEFAULT_VALUE_FLAG, column.no_default);
    match column.expr_type.data_type {
        DataType::Integer { unsigned, .. } => flags.set(ColumnFlags::UNSIGNED_FLAG, unsigned),
        DataType::Text(_) => flags.insert(ColumnFlags::BLOB_FLAG),
        DataType::Blob(_) => flags.insert(ColumnFlags::BLOB_FLAG | ColumnFlags::BINARY_FLAG),
        DataType::Char(_)
        | DataType::VarChar(_)
        | DataType::Decimal { .. }
        | DataType::Float
        | DataType::Double => {}
        _ => flags.insert(ColumnFlags::BINARY_FLAG),
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(column: &ResultColumn) -> Vec<u8> {
        let mut out = Vec::new();
        put_definition(&mut out, column);
        out
    }

    #[test]
    fn a_table_s_column_says_where_it_comes_from() {
        let column = ResultColumn {
            name: "n".into(),
            org_name: "name".into(),
            table: "c".into(),
            org_table: "conference".into(),
            schema: "CometQL_v1".into(),
            primary_key: true,
            ..ResultColumn::expression("", DataType::VarChar(32))
        };
        let expected = b"\x03def\x0aCometQL_v1\x01c\x0aconference\x01n\x04name\x0c\x2d\x00\x80\x00\x00\x00\xfd\x03\x40\x00\x00\x00";
        assert_eq!(definition(&column), expected);
    }

    #[test]
    fn only_text_has_a_character_set() {
        let charset = |data_type| {
            let payload = definition(&ResultColumn::expression("x", data_type));
            u16::from(payload[payload.len() - 12])
        };
        assert_eq!(charset(DataType::Text(crate::sql::types::TextWidth::Normal)), u16::from(UTF8MB4));
        assert_eq!(charset(DataType::VarBinary(9)), BINARY);
        assert_eq!(charset(DataType::Double), BINARY);
        let double = definition(&ResultColumn::expression("x", DataType::Double));
        assert_eq!(double[double.len() - 3], 31, "decimals of a double vary");
    }
}
