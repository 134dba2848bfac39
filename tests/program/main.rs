//! The whole program from outside: real clients, crashes, and the same SQL put to MariaDB.

#[path = "../support/mod.rs"]
mod support;

mod reference;
mod sql_files;
