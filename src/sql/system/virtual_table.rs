//! Tables that are computed when they are read.

use super::View;
use crate::{
    error::Result,
    sql::types::{
        ColumnDefault, ColumnSchema, DataType, ExprType, InsertMode, IntWidth, Row, TableSchema, TextWidth,
        Writes,
    },
};

/// A table of information_schema. It has no key, and clients cannot write it.
#[derive(Debug)]
pub(in crate::sql) struct VirtualTable {
    /// Its name.
    pub(in crate::sql) name: &'static str,
    /// Its columns.
    pub(in crate::sql) columns: &'static [Column],
    /// Computes its rows, as whoever asks may see them.
    pub(in crate::sql) rows: fn(&View) -> Result<Vec<Row>>,
}

impl VirtualTable {
    /// It as a stored table would be described.
    pub(super) fn schema(&self) -> TableSchema {
        let columns = self
            .columns
            .iter()
            .map(|column| ColumnSchema {
                name: column.name.to_owned(),
                data_type: column.data_type,
                nullable: column.nullable,
                default: ColumnDefault::None,
                invisible: false,
            })
            .collect();
        TableSchema {
            id: 0,
            version: 0,
            name: self.name.to_owned(),
            columns,
            primary_key: Vec::new(),
            indexes: Vec::new(),
            insert_mode: InsertMode::Refuse,
            insert_id: None,
            writes: Writes::Refused,
            admin_only: false,
        }
    }
}

/// A column of a computed table.
#[derive(Clone, Copy, Debug)]
pub(in crate::sql) struct Column {
    /// Its name.
    pub(in crate::sql) name: &'static str,
    /// The type of its values.
    pub(in crate::sql) data_type: DataType,
    /// Whether it may hold NULL.
    pub(in crate::sql) nullable: bool,
}

impl Column {
    const fn new(name: &'static str, data_type: DataType) -> Self {
        Column { name, data_type, nullable: false }
    }

    const fn integer(name: &'static str, width: IntWidth, unsigned: bool) -> Self {
        Column::new(name, DataType::Integer { width, unsigned })
    }

    /// The same column, that may hold NULL.
    pub(super) const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// The type of its values, as an expression's.
    pub(in crate::sql) fn expr_type(&self) -> ExprType {
        ExprType::new(self.data_type).nullable(self.nullable)
    }
}

/// VARCHAR(length).
pub(super) const fn text(name: &'static str, length: u32) -> Column {
    Column::new(name, DataType::VarChar(length))
}

/// LONGTEXT.
pub(super) const fn long_text(name: &'static str) -> Column {
    Column::new(name, DataType::Text(TextWidth::Long))
}

/// BLOB.
pub(super) const fn blob(name: &'static str) -> Column {
    Column::new(name, DataType::Blob(TextWidth::Normal))
}

/// BIGINT.
pub(super) const fn bigint(name: &'static str) -> Column {
    Column::integer(name, IntWidth::Big, false)
}

/// BIGINT UNSIGNED.
pub(super) const fn unsigned(name: &'static str) -> Column {
    Column::integer(name, IntWidth::Big, true)
}

/// INT.
pub(super) const fn int(name: &'static str) -> Column {
    Column::integer(name, IntWidth::Int, false)
}

/// INT UNSIGNED.
pub(super) const fn unsigned_int(name: &'static str) -> Column {
    Column::integer(name, IntWidth::Int, true)
}

/// TINYINT.
pub(super) const fn tinyint(name: &'static str) -> Column {
    Column::integer(name, IntWidth::Tiny, false)
}

/// DECIMAL(precision, scale).
pub(super) const fn decimal(name: &'static str, precision: u8, scale: u8) -> Column {
    Column::new(name, DataType::Decimal { precision, scale })
}

/// DATETIME(digits).
pub(super) const fn datetime(name: &'static str, digits: u8) -> Column {
    Column::new(name, DataType::DateTime(digits))
}
