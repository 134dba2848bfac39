//! The system variables: `@@name`, SET, SHOW VARIABLES.
//!
//! [`LIST`] has them all: what MariaDB 10.11's clients read or set, with MariaDB's types and ranges. Many are only
//! accepted, because clients set them without being asked; those with a meaning here have an accessor on
//! [`SessionVariables`]. A value is held in the form its [`Kind`] gives it, so that reading costs nothing: an index, a bit
//! set, the number of a collation.

mod globals;
mod kind;
mod list;
mod session;
mod sql_mode;

pub use globals::GlobalVariables;
pub use session::{SessionFacts, SessionVariables};
pub use sql_mode::SqlMode;

use kind::Kind;
use list::LIST;

/// One system variable.
#[derive(Debug)]
struct Variable {
    /// Its name, in lower case.
    name: &'static str,
    /// Who has a value of it.
    reach: Reach,
    /// Who may change it.
    access: Access,
    /// What values it takes.
    kind: Kind,
    /// Its value when nobody has set it.
    initial: Initial,
    /// The variable that holds its value, if it is only another name or another view of that one.
    stored_in: Option<&'static str>,
}

/// Who has a value of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The server; sessions begin with its value and have their own from then on.
    Both,
    /// The server only.
    Global,
    /// Sessions only.
    Session,
}

/// Who may change a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Each session for itself, and tenant 0 for the server.
    All,
    /// Tenant 0, for the server.
    GlobalOnly,
    /// Nobody.
    ReadOnly,
}

/// Where a value comes from at first.
#[derive(Clone, Copy, Debug)]
enum Initial {
    Null,
    Number(u64),
    Real(f64),
    Text(&'static str),
    /// The number of a collation; of a character set, that of its default.
    Collation(u16),
    /// It is never stored: the session knows it.
    Fact(Fact),
}

/// What only the session knows.
#[derive(Clone, Copy, Debug)]
enum Fact {
    ConnectionId,
    LastInsertId,
    WarningCount,
    ErrorCount,
    InTransaction,
    Timestamp,
}

/// Position of a variable in [`LIST`].
type Id = usize;

/// The variable of this name, in any case.
fn find(name: &str) -> Option<Id> {
    let lower = name.to_ascii_lowercase();
    LIST.binary_search_by(|variable| variable.name.cmp(&lower)).ok()
}

/// The position that holds a variable's value.
fn slot(id: Id) -> Id {
    LIST[id].stored_in.and_then(find).unwrap_or(id)
}

/// The position of a variable that is known to exist; does not compile otherwise.
const fn id(name: &str) -> Id {
    let mut id = 0;
    while !same(LIST[id].name, name) {
        id += 1;
    }
    id
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_names() {
        for pair in LIST.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} stands before {}", pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn every_other_name_has_a_variable_behind_it() {
        for variable in LIST {
            if let Some(name) = variable.stored_in {
                let holder = &LIST[find(name).unwrap()];
                assert!(holder.stored_in.is_none(), "{} is stored in {name}", variable.name);
            }
        }
    }
}
