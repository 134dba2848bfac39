//! Values, types and schemas, and how MariaDB compares, converts and prints them.

mod assign;
pub mod compare;
pub mod convert;
mod data_type;
pub(crate) mod decimal;
mod expr_type;
mod literal;
pub(crate) mod number;
pub(crate) mod print;
mod result_column;
mod schema;
pub mod temporal;
mod value;
mod warnings;

pub use assign::Assignment;
pub use compare::{Comparison, sort_order, write_group_key};
pub use convert::Converter;
pub use data_type::{Class, DataType, IntWidth, TextWidth};
pub use expr_type::{
    ExprType, MAX_CHAR_BYTES, MAX_DECIMAL_PRECISION, MAX_DECIMAL_SCALE, NOT_FIXED_DECIMALS, TEXT_DECIMALS,
};
pub use literal::{
    TemporalKind, hex_literal, hex_number, literal_type, number_literal, temporal_literal,
    temporal_literal_type,
};
pub use print::{Printed, print, write_double, write_value};
pub use result_column::ResultColumn;
pub use schema::{ColumnDefault, ColumnSchema, IndexSchema, InsertMode, TableSchema, Writes};
pub use value::{Row, Value};
pub use warnings::{Level, MAX_KEPT_WARNINGS, Warning, Warnings};
