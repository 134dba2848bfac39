//! CometQL's dialect: text in, statements out.

mod split;

pub use split::split_statements;
