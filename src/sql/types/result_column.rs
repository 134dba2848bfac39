//! What a result says about one of its columns.

use super::{DataType, IntWidth, TextWidth};

/// Bytes a utf8mb4 character may take.
const MAX_CHARACTER_BYTES: u32 = 4;

/// One column of a result, as the protocol describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultColumn {
    /// Its alias, or the column's name, or the expression as written.
    pub name: String,
    /// The column's name in its table; empty for an expression.
    pub org_name: String,
    /// The table's alias; empty for an expression.
    pub table: String,
    /// The table's name; empty for an expression.
    pub org_table: String,
    /// The table's database; empty for an expression.
    pub schema: String,
    /// The type of its values.
    pub data_type: DataType,
    /// Whether it can never be NULL.
    pub not_null: bool,
    /// Part of the primary key.
    pub primary_key: bool,
    /// Part of a secondary index.
    pub multiple_key: bool,
}

impl ResultColumn {
    /// A column that is an expression.
    pub fn expression(name: impl Into<String>, data_type: DataType, not_null: bool) -> Self {
        ResultColumn {
            name: name.into(),
            org_name: String::new(),
            table: String::new(),
            org_table: String::new(),
            schema: String::new(),
            data_type,
            not_null,
            primary_key: false,
            multiple_key: false,
        }
    }

    /// Digits after the point; 31 says that they vary.
    pub fn decimals(&self) -> u8 {
        match self.data_type {
            DataType::Float | DataType::Double => 31,
            DataType::Decimal { scale, .. } => scale,
            DataType::Time(digits) | DataType::DateTime(digits) | DataType::Timestamp(digits) => digits,
            _ => 0,
        }
    }

    /// The longest value's length in bytes as text, as MariaDB reports it.
    pub fn display_length(&self) -> u32 {
        let fraction = |digits: u8| if digits == 0 { 0 } else { u32::from(digits) + 1 };
        match self.data_type {
            DataType::Null => 0,
            DataType::Integer { width, unsigned } => match (width, unsigned) {
                (IntWidth::Tiny, false) => 4,
                (IntWidth::Tiny, true) => 3,
                (IntWidth::Small, false) => 6,
                (IntWidth::Small, true) => 5,
                (IntWidth::Medium, false) => 9,
                (IntWidth::Medium, true) => 8,
                (IntWidth::Int, false) => 11,
                (IntWidth::Int, true) => 10,
                (IntWidth::Big, _) => 20,
            },
            DataType::Decimal { precision, scale } => u32::from(precision) + if scale == 0 { 1 } else { 2 },
            DataType::Float => 12,
            DataType::Double => 22,
            DataType::Char(n) | DataType::VarChar(n) => n.saturating_mul(MAX_CHARACTER_BYTES),
            DataType::Binary(n) | DataType::VarBinary(n) => n,
            DataType::Text(width) | DataType::Blob(width) => match width {
                TextWidth::Tiny => 255,
                TextWidth::Normal => 65_535,
                TextWidth::Medium => 16_777_215,
                TextWidth::Long => u32::MAX,
            },
            DataType::Date => 10,
            DataType::Time(digits) => 10 + fraction(digits),
            DataType::DateTime(digits) | DataType::Timestamp(digits) => 19 + fraction(digits),
        }
    }
}
