//! What a result says about one of its columns.

use super::{ExprType, MAX_CHAR_BYTES};

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
        }
    }

    /// Digits after the point, as the protocol states them.
    pub fn decimals(&self) -> u8 {
        self.expr_type.decimals
    }

    /// The longest value's length in bytes, as the protocol states it.
    pub fn display_length(&self) -> u32 {
        if self.expr_type.data_type.is_text() {
            self.expr_type.length.saturating_mul(MAX_CHAR_BYTES)
        } else {
            self.expr_type.length
        }
    }
}
