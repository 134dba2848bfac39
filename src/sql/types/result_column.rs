//! What a result says about one of its columns.

use super::{DataType, ExprType, MAX_CHAR_BYTES};

/// One column of a result set, as the column definition packet describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultColumn {
    /// Its heading: the alias, or the expression as written.
    pub name: String,
    /// Name of the table's column, empty for an expression.
    pub org_name: String,
    /// Alias of the table, empty for an expression.
    pub table: String,
    /// Name of the table, empty for an expression.
    pub org_table: String,
    /// Database of the table, empty for an expression.
    pub schema: String,
    /// Its type, nullability, length and decimals.
    pub expr_type: ExprType,
    /// Whether it belongs to the primary key.
    pub primary_key: bool,
    /// Whether it is part of a secondary index.
    pub multiple_key: bool,
    /// Whether an INSERT must give the table's column a value.
    pub no_default: bool,
}

impl ResultColumn {
    /// A column that shows an expression.
    pub fn expression(name: impl Into<String>, expr_type: impl Into<ExprType>) -> Self {
        Self {
            name: name.into(),
            org_name: String::new(),
            table: String::new(),
            org_table: String::new(),
            schema: String::new(),
            expr_type: expr_type.into(),
            primary_key: false,
            multiple_key: false,
            no_default: false,
        }
    }

    /// Digits after the point, as the protocol states them.
    pub fn decimals(&self) -> u8 {
        // Of an expression that is text, MariaDB does not know them; of a table's column it does.
        if self.is_column() && self.expr_type.data_type.is_text() { 0 } else { self.expr_type.decimals }
    }

    /// Whether it is a table's column, and no expression.
    fn is_column(&self) -> bool {
        !self.org_table.is_empty()
    }

    /// The longest value's length in bytes, as the protocol states it.
    pub fn display_length(&self) -> u32 {
        if let (DataType::Text(width), true) = (self.expr_type.data_type, self.is_column()) {
            // As if each byte of it were one of the longest characters.
            width.max_bytes().saturating_mul(MAX_CHAR_BYTES)
        } else if self.expr_type.data_type.is_text() {
            self.expr_type.length.saturating_mul(MAX_CHAR_BYTES)
        } else {
            self.expr_type.length
        }
    }
}
