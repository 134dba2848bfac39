//! UPDATE and DELETE of tables whose rows are commanded: the session waits for what comes of the commands.
//!
//! They are carried out at once, also within a transaction, and ROLLBACK does not take them back: as with a table that knows
//! no transactions, it warns then.

use super::Session;
use crate::{
    error::{Error, Result},
    sql::{
        catalog::Changes,
        execute::{Bounds, Changed},
        types::Level,
    },
};

/// What is known of commands whose answers nobody waits for any more.
const UNKNOWN_EXTENT: &str = "some of its commands may have been carried out";

impl Session {
    /// Has commands carried out. They count as affected rows as far as they were confirmed.
    pub(super) async fn carry_out(&mut self, changed: Changed, changes: Changes) -> Result<Changed> {
        if let Some(open) = &mut self.transaction {
            open.has_commanded = true;
        }
        let commanding = self.engine.catalog.command(self.login.tenant, changes);
        let confirmed = match &self.run {
            Some(run) => tokio::select! {
                confirmed = commanding => confirmed?,
                error = stopped(&run.bounds) => {
                    let extent = UNKNOWN_EXTENT.to_owned();
                    return Err(Error::PartlyDone { error: Box::new(error), extent });
                }
            },
            None => commanding.await?,
        };
        Ok(changed.confirmed(&confirmed))
    }

    /// Warns that commands of a transaction are not undone with it.
    pub(super) fn note_commands(&mut self, has_commanded: bool) {
        if has_commanded {
            let message = "Some non-transactional changed tables couldn't be rolled back";
            self.note(Level::Warning, 1196, message);
        }
    }
}

/// Waits until a statement is stopped (1317) or has run too long (1969).
async fn stopped(bounds: &Bounds) -> Error {
    let too_long = async {
        match bounds.deadline {
            Some(deadline) => {
                let left = (deadline - bounds.clock.now()).to_std().unwrap_or_default();
                tokio::time::sleep(left).await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = bounds.cancel.cancelled() => Error::Interrupted,
        () = too_long => Error::StatementTimeout,
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::sql::{
        Engine, Limits, Outcome,
        testing::{GONE_LAMP, MemoryCatalog, SILENT_LAMP, STUCK_LAMP, StandingClock, test_tables},
        tests::{answer, session},
        types::Value,
    };

    /// A session, and the catalog with lamps 1, 2 and these.
    fn with_lamps(others: &[i64]) -> (Session, Arc<MemoryCatalog>) {
        let catalog = Arc::new(MemoryCatalog::new(test_tables()));
        catalog.hang_lamps(&[&[1, 2], others].concat());
        let engine = Engine::new(Arc::clone(&catalog) as _, Arc::new(StandingClock), Limits::default());
        (session(&engine, 15), catalog)
    }

    async fn error(session: &mut Session, text: &str) -> Error {
        session.execute(text).await.err().unwrap_or_else(|| panic!("{text} has no error"))
    }

    #[tokio::test]
    async fn what_was_confirmed_counts_and_nothing_is_written() {
        let (mut session, catalog) = with_lamps(&[GONE_LAMP]);
        let Ok(Outcome::Done(done)) = session.execute("update lamps set lit = id > 0").await else {
            panic!()
        };
        assert_eq!((done.affected_rows, done.unchanged_rows), (2, 1));
        assert_eq!(answer(&mut session, "select row_count()").await, "row_count()\n2");
        assert_eq!(answer(&mut session, "delete from lamps where id > 1").await, "OK, 1 affected");
        assert_eq!(
            answer(&mut session, "select id, lit from lamps where id < 3").await,
            "id | lit\n1 | 0\n2 | 0"
        );
        let commands = catalog.commands.lock();
        assert_eq!((commands[0].columns.as_slice(), commands[1].columns.len()), (&[1][..], 0));
        let new = |change: usize| commands[0].rows[change].new.as_ref().map(|row| row[1].clone());
        assert_eq!((new(0), new(2)), (Some(Value::Int(1)), Some(Value::Int(1))));
        assert!(commands[1].rows.iter().all(|row| row.new.is_none()));
        assert_eq!((commands[0].rows.len(), commands[1].rows.len(), commands.len()), (3, 2, 2));
    }

    #[tokio::test]
    async fn returning_shows_what_was_confirmed() {
        let (mut session, _) = with_lamps(&[3, GONE_LAMP]);
        let returned =
            answer(&mut session, "delete from lamps where id > 1 returning id, id * 2 as twice").await;
        assert_eq!(returned, "id | twice\n2 | 4\n3 | 6");
    }

    #[tokio::test]
    async fn only_some_columns_can_be_set_and_nothing_inserted() {
        let (mut session, catalog) = with_lamps(&[]);
        let code = |error: Error| error.codes().0;
        assert_eq!(
            error(&mut session, "update lamps set lit = 1, room = 'x'").await.to_string(),
            "Column 'room' is not updatable"
        );
        for (text, expected) in [
            ("update lamps set id = 5 where false", 1348),
            ("insert into lamps values (5, 1, null)", 1471),
            ("replace into lamps values (5, 1, null)", 1471),
            ("truncate lamps", 1036),
            ("update lamps set lit = 'x'", 1366),
        ] {
            assert_eq!(code(error(&mut session, text).await), expected, "{text}");
        }
        assert!(catalog.commands.lock().is_empty());
    }

    #[tokio::test]
    async fn prepared_statements_command_as_well() {
        let (mut session, catalog) = with_lamps(&[]);
        let info = session.prepare("update lamps set lit = ? where id = ?").unwrap();
        let Ok(Outcome::Done(done)) =
            session.execute_prepared(info.id, vec![Value::Int(1), Value::Int(2)]).await
        else {
            panic!()
        };
        assert_eq!(done.affected_rows, 1);
        assert_eq!(catalog.commands.lock()[0].rows[0].old[0], Value::Int(2));
    }

    #[tokio::test]
    async fn a_rollback_does_not_take_commands_back_and_says_so() {
        let (mut session, catalog) = with_lamps(&[]);
        let warning = "Level | Code | Message\nWarning | 1196 | Some non-transactional changed tables couldn't be rolled back";
        for undo in ["rollback", "rollback to here"] {
            for text in
                ["begin", "savepoint here", "insert into things (id) values (1)", "delete from lamps", undo]
            {
                session.execute(text).await.unwrap();
            }
            assert_eq!(answer(&mut session, "show warnings").await, warning, "{undo}");
            assert_eq!(answer(&mut session, "select count(*) from things").await, "count(*)\n0");
        }
        assert_eq!(catalog.commands.lock().len(), 2);
        for text in ["commit", "begin", "insert into things (id) values (1)", "rollback"] {
            session.execute(text).await.unwrap();
        }
        assert_eq!(answer(&mut session, "show warnings").await, "Level | Code | Message");
        session.execute("start transaction read only").await.unwrap();
        assert_eq!(error(&mut session, "delete from lamps").await, Error::ReadOnlyTransaction);
    }

    #[tokio::test]
    async fn a_refusal_is_an_error_and_is_not_tried_again() {
        let (mut session, catalog) = with_lamps(&[STUCK_LAMP]);
        assert_eq!(error(&mut session, "update lamps set lit = 1").await.to_string(), "the lamp is stuck");
        assert_eq!(catalog.commands.lock().len(), 1);
    }

    #[tokio::test]
    async fn a_statement_that_waits_can_be_stopped() {
        let (mut session, catalog) = with_lamps(&[SILENT_LAMP]);
        let canceller = session.canceller();
        let stop = async {
            while catalog.commands.lock().is_empty() {
                tokio::task::yield_now().await;
            }
            canceller.cancel();
        };
        let (stopped, ()) = tokio::join!(error(&mut session, "delete from lamps"), stop);
        assert_eq!(stopped.codes().0, 1317);
        assert_eq!(
            stopped.to_string(),
            "Query execution was interrupted; some of its commands may have been carried out"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_statement_does_not_wait_for_longer_than_it_may_run() {
        let (mut session, _) = with_lamps(&[SILENT_LAMP]);
        session.execute("set max_statement_time = 2").await.unwrap();
        let begun = tokio::time::Instant::now();
        assert_eq!(error(&mut session, "delete from lamps").await.codes().0, 1969);
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
    }
}
