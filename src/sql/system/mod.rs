//! What clients ask about the server itself.
//!
//! - `variables`: the system variables: their names, scopes, types, defaults, and what a session or an operator set.
//! - `information_schema` and `mysql`: virtual tables, each a `SystemTable`: a schema, and a function that gives its
//!   rows for one `Context`. To the planner they are tables like any other that can only be read.
//! - `show`: each SHOW as a table and its rows, most of them a choice of columns of information_schema, as in MariaDB.
//! - `process_list`: who is connected and what they run, for PROCESSLIST and KILL.
//! - `status`: the counters of SHOW STATUS, and CppComet's questions about the machine.

mod character_sets;
mod process_list;
mod time_zone;
mod variables;

pub use process_list::{Counters, MAX_SHOWN_STATEMENT, NoServer, Process, ProcessList};
pub use variables::{GlobalVariables, SessionFacts, SessionVariables, SqlMode};
