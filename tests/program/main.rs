//! The whole program from outside: real clients, crashes, and the same SQL put to MariaDB.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod browsers;
mod clients;
mod command_line;
mod commands;
mod contention;
mod crash;
mod demo;
mod directory;
mod durable;
mod examples;
mod flood;
mod gui;
mod limits;
mod login;
mod members;
mod metadata;
mod nodes;
mod presence;
mod query_log;
mod random_sql;
mod reference;
mod restart;
mod signalling;
mod simulator;
mod sql_files;
mod system;
mod tenants;
mod tls;
mod tools;
