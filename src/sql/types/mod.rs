//! Values, types and schemas, and how MariaDB compares, converts and prints them.

mod data_type;
mod schema;
mod value;

pub use data_type::{DataType, IntWidth, TextWidth};
pub use schema::{ColumnDefault, ColumnSchema, IndexSchema, InsertMode, TableSchema};
pub use value::{Row, Value};
