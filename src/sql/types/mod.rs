//! Values, types and schemas, and how MariaDB compares, converts and prints them.

mod data_type;
mod result_column;
mod schema;
mod value;

pub use data_type::{DataType, IntWidth, TextWidth};
pub use result_column::ResultColumn;
pub use schema::{ColumnDefault, ColumnSchema, IndexSchema, InsertMode, TableSchema};
pub use value::{Row, Value};
