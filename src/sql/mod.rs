//! CometQL: text in, rows out. Pure: no socket, no disk, no clock of its own.

pub mod catalog;
pub mod types;

pub use catalog::{Catalog, KeyRange, RowIter, Tenant, Transaction};
