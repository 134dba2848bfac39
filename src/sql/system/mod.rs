//! What clients ask about the server itself.
//!
//! - [`variables`]: the system variables: their names, scopes, types, defaults, and what a session or an operator set.
//! - [`information_schema`]: tables that are computed when they are read, each a [`VirtualTable`]: its columns, and a
//!   function that gives its rows for one [`View`]. To the planner they are tables like any other that can only be read.
//! - [`show`]: each SHOW as headings and rows, most of them a choice of columns of information_schema, as in MariaDB.
//! - [`process_list`]: who is connected and what they run, for PROCESSLIST and KILL; the server implements it.
//! - [`status`]: the counters of SHOW STATUS.

mod character_sets;
mod describe;
mod information_schema;
mod process_list;
mod show;
mod status;
mod time_zone;
mod variables;
mod view;
mod virtual_table;

pub use process_list::{Counters, MAX_SHOWN_STATEMENT, NoServer, Process, ProcessList, presentable, shown};
pub use variables::{GlobalVariables, SessionFacts, SessionVariables, SqlMode};

pub(super) use information_schema::{INFORMATION_SCHEMA, table};
pub(super) use show::{Listing, show};
pub(super) use view::View;
pub(super) use virtual_table::VirtualTable;
