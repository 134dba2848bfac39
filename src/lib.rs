//! cometql keeps conference invitations and live membership in an embedded store and answers SQL about them, over the
//! MySQL protocol or in the same process. FreeSWITCH carries the calls; nothing else runs beside it.
//!
//! # The library
//!
//! [`tables::Database`] is the store with its tables, [`sql::Engine`] answers statements on it, and a [`sql::Session`] is
//! one client. The program `cometql` puts listeners and FreeSWITCH nodes around these three.
//!
//! ```
//! use std::sync::Arc;
//!
//! use cometql::{
//!     sql::{Engine, Limits, Login, Outcome, Session, SystemClock},
//!     store::Options,
//!     tables::{Database, NoNodes},
//! };
//!
//! # #[tokio::main(flavor = "multi_thread")]
//! # async fn main() -> cometql::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! let database = Arc::new(Database::open(folder, Options::default(), Arc::new(NoNodes))?);
//! let engine = Engine::new(database, Arc::new(SystemClock), Limits::default());
//! let login = Login { tenant: 15, user: "15".into(), host: "localhost".into(), connection_id: 1 };
//! let mut session = Session::new(&engine, login);
//!
//! session.execute("INSERT INTO conference (name, user_id, message) VALUES ('101', 7, '{}')").await?;
//! let outcome = session.execute("SELECT user_id FROM conference WHERE name = '101'").await?;
//! let Outcome::Rows(result) = outcome else { unreachable!() };
//! assert_eq!(result.collect::<cometql::Result<Vec<_>>>()?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # An invitation, from packet to disk
//!
//! 1. [`server`] accepts a connection; `server::mysql` checks the login, reads one packet at a time and hands its text to
//!    [`Session::execute`](sql::Session::execute).
//! 2. `sql::parse::shape` takes the literals out of the text. If a statement of this shape was planned before, its plan is taken
//!    from the cache; else the text is parsed and `sql::plan` binds its names and chooses access paths.
//! 3. `sql::execute` runs the plan on a [`Transaction`](sql::Transaction): it evaluates the row and asks to have it written.
//! 4. [`tables`] implements that transaction. The behaviour of `conference` checks the row and chooses the conference's
//!    FreeSWITCH node (`freeswitch::placement`); row and index entries become keys and values
//!    ([`store::keycode`], [`store::row`]).
//! 5. [`store`] commits them: one record in the log, one wait for the disk, shared with whoever commits at the same time.
//!    Only then the session returns and the client reads OK.
//!
//! # A call, from the row to the browser
//!
//! 1. The behaviour of `conference` adds the call to the same commit, as a row of `users_messages`, and notes in the
//!    transaction that a message waits ([`tables::Event`]).
//! 2. When the commit is on disk, [`realtime`] hears of it ([`tables::Audience`]), reads what waits for the user, and puts it into the
//!    mailboxes of his browsers ([`realtime::Mailbox`]).
//! 3. [`server::websocket`] writes it to their connections. When one of them has it, the row goes.
//!
//! # A member, from FreeSWITCH to a row
//!
//! 1. FreeSWITCH tells that somebody joined ([`freeswitch::events`]). The node's task (`freeswitch::node`) asks for the list of
//!    conferences over the event socket, as it does every few seconds anyway, and [`freeswitch::conference_list`] reads it
//!    while it comes.
//! 2. [`freeswitch::reconciler`] compares it with the rows that are there: two lists in, the differences out.
//! 3. The differences are committed like any other rows. `SELECT * FROM conference_members` reads them and never waits for
//!    FreeSWITCH; the moments in them are answered as seconds by the table's behaviour.
//!
//! # A command, from SQL to FreeSWITCH
//!
//! 1. `DELETE FROM conference_members WHERE ...` is planned like any DELETE. Its table is one of commands
//!    ([`sql::types::Writes`]): `sql::execute` finds the rows and collects them, and the session hands them to
//!    [`sql::Catalog::command`].
//! 2. [`tables`] makes a [`tables::Command`] of each and sorts them by node.
//! 3. `freeswitch::commands` puts them into FreeSWITCH's words (`freeswitch::wording`), sends them over the node's third connection and
//!    reads from each answer whether it was confirmed. That is how many rows the statement affects.
//! 4. The row goes when FreeSWITCH's list says that the member went.
//!
//! # A registration, from FreeSWITCH to the user's row
//!
//! 1. FreeSWITCH's mod_xml_curl asks over HTTP; [`server::directory`] looks at its address and its credentials.
//! 2. [`freeswitch::directory`] decodes the parameters, reads the user's row of `users_auth`, and writes the document. For a
//!    call it reads the invitation and writes the dial plan.
//!
//! `docs/design.md` has the decisions, `docs/cometql.md` the language, `docs/operating.md` the settings.

mod complaints;
pub mod config;
pub mod error;
pub mod freeswitch;
pub mod realtime;
pub mod server;
pub mod sql;
pub mod store;
pub mod tables;

pub use error::{Error, Result};
