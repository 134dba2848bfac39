//! The shim that opensrv calls: statements to the session, outcomes to opensrv's writers.

use std::{
    io,
    sync::{Arc, LazyLock},
};

use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlShim, Column, ColumnFlags, ColumnType, ErrorKind, InitWriter, OkResponse, ParamParser,
    QueryResultWriter, StatementMetaWriter,
};

use super::{
    bridge::{Bridge, BridgeWriter},
    cell::Cell,
    client::{Client, status_flags},
    packet,
    patch::Patch,
    prepared::param_value,
    row::RowFormat,
};
use crate::{
    error::{Error, Result},
    server::batch::next_batch,
    sql::{
        Outcome, Rows, Session,
        parse::split_statements,
        types::{DataType, ResultColumn, Row, Value},
    },
};

/// Columns that a result may have, as in MySQL.
const MAX_COLUMNS: usize = 4096;

/// What opensrv gets as columns: the guard writes their definitions, and the rows. One stands for all of a result.
static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let column = Column {
        table: String::new(),
        column: String::new(),
        coltype: ColumnType::MYSQL_TYPE_NULL,
        colflags: ColumnFlags::empty(),
    };
    vec![column; MAX_COLUMNS]
});

/// One connection's shim.
pub(super) struct Shim {
    pub client: Arc<Client>,
    pub bridge: Bridge,
}

type Results<'a> = QueryResultWriter<'a, BridgeWriter>;

impl Shim {
    /// Announces an error packet; gives back the text for opensrv to write.
    fn expect_error(&self, error: &Error) -> String {
        let (code, state) = packet::error_code(error, self.client.error_codes);
        self.bridge.patch(Patch::Err { code, state });
        packet::error_text(error)
    }

    async fn fail<'a>(&self, results: Results<'a>, error: &Error) -> io::Result<()> {
        results.error(ErrorKind::ER_UNKNOWN_ERROR, self.expect_error(error).as_bytes()).await
    }

    /// Writes one outcome. None: it ended in an error, and so does the answer.
    async fn write_outcome<'a>(
        &self,
        session: &Session,
        outcome: Result<Outcome>,
        more: bool,
        format: RowFormat,
        results: Results<'a>,
    ) -> io::Result<Option<Results<'a>>> {
        match outcome {
            Ok(Outcome::Done(done)) => {
                self.bridge.patch(Patch::Ok {
                    status: status_flags(session.status(), more),
                    warnings: done.warnings,
                    info: done.info,
                });
                let unchanged_rows = if self.client.found_rows { done.unchanged_rows } else { 0 };
                let response = OkResponse {
                    affected_rows: done.affected_rows + unchanged_rows,
                    last_insert_id: done.last_insert_id,
                    ..OkResponse::default()
                };
                Ok(Some(results.complete_one(response).await?))
            }
            Ok(Outcome::Rows(rows)) => self.write_rows(session, rows, more, format, results).await,
            Err(error) => self.fail(results, &error).await.map(|()| None),
        }
    }

    async fn write_rows<'a>(
        &self,
        session: &Session,
        rows: Rows,
        more: bool,
        format: RowFormat,
        results: Results<'a>,
    ) -> io::Result<Option<Results<'a>>> {
        if !(1..=MAX_COLUMNS).contains(&rows.columns.len()) {
            let error = Error::TooComplex(format!("a result has 1..{MAX_COLUMNS} columns"));
            return self.fail(results, &error).await.map(|()| None);
        }
        let columns = Arc::clone(&rows.columns);
        self.bridge.patch(Patch::Count(columns.len()));
        self.bridge.patch(Patch::Definitions { columns: Arc::clone(&columns), next: 0 });
        self.bridge.patch(Patch::Eof { status: status_flags(session.status(), more), warnings: 0 });
        let writer = results.start(&COLUMNS[..1]).await?;
        let error = if rows.may_run_long {
            self.write_batches(rows, &columns, format).await?
        } else {
            self.write_each(rows, &columns, format).await?
        };
        if let Some(error) = error {
            let text = self.expect_error(&error);
            writer.finish_error(ErrorKind::ER_UNKNOWN_ERROR, &text.as_bytes()).await?;
            return Ok(None);
        }
        let status = session.status();
        self.bridge.patch(Patch::Eof { status: status_flags(status, more), warnings: status.warnings });
        Ok(Some(writer.finish_one().await?))
    }

    /// Writes rows as they come; gives back the error that ended them.
    async fn write_each(
        &self,
        rows: impl Iterator<Item = Result<Row>>,
        columns: &[ResultColumn],
        format: RowFormat,
    ) -> io::Result<Option<Error>> {
        for row in rows {
            match row {
                Ok(row) => self.bridge.row(|out| format.put_row(out, &row, columns)).await?,
                Err(error) => return Ok(Some(error)),
            }
        }
        Ok(None)
    }

    /// As [`Shim::write_each`], but looks for rows on a thread of its own: others are not held up, and the guard notices
    /// when the client goes away.
    async fn write_batches(
        &self,
        mut rows: Rows,
        columns: &[ResultColumn],
        format: RowFormat,
    ) -> io::Result<Option<Error>> {
        loop {
            let batch;
            (rows, batch) = next_batch(rows).await?;
            if batch.is_empty() {
                return Ok(None);
            }
            let error = self.write_each(batch.into_iter(), columns, format).await?;
            if error.is_some() {
                return Ok(error);
            }
        }
    }

    /// Announces a prepared statement's definitions and the EOF after them; nothing if there are none.
    fn expect_columns(&self, session: &Session, columns: &Arc<[ResultColumn]>) {
        if !columns.is_empty() {
            self.bridge.patch(Patch::Columns { columns: Arc::clone(columns), next: 0 });
            self.bridge.patch(Patch::Eof { status: status_flags(session.status(), false), warnings: 0 });
        }
    }
}

/// The outcome, whose rows end in an error where one cannot be sent in binary.
fn checked(outcome: Outcome) -> Outcome {
    let misfit = |row: &Row, columns: &[ResultColumn]| {
        row.iter().zip(columns).find_map(|(value, column)| Cell(value, column).misfit())
    };
    match outcome {
        Outcome::Rows(rows) => Outcome::Rows(rows.until(misfit)),
        done => done,
    }
}

#[async_trait]
impl AsyncMysqlShim<BridgeWriter> for Shim {
    type Error = io::Error;

    /// Always: the guard has checked the real client's password before opensrv hears of it.
    async fn authenticate(&self, _: &str, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }

    async fn on_query<'a>(&'a mut self, query: &'a str, mut results: Results<'a>) -> io::Result<()> {
        let client = Arc::clone(&self.client);
        let mut session = client.session.lock().await;
        if !client.allows_multi_statements() {
            let outcome = session.execute(query).await;
            return match self.write_outcome(&session, outcome, false, RowFormat::Text, results).await? {
                Some(results) => results.no_more_results().await,
                None => Ok(()),
            };
        }
        let mut statements = split_statements(query).peekable();
        if statements.peek().is_none() {
            return self.fail(results, &Error::EmptyQuery).await;
        }
        while let Some(statement) = statements.next() {
            let outcome = session.execute(statement).await;
            let more = statements.peek().is_some();
            match self.write_outcome(&session, outcome, more, RowFormat::Text, results).await? {
                Some(next) => results = next,
                None => return Ok(()),
            }
        }
        results.no_more_results().await
    }

    async fn on_prepare<'a>(
        &'a mut self,
        query: &'a str,
        writer: StatementMetaWriter<'a, BridgeWriter>,
    ) -> io::Result<()> {
        let client = Arc::clone(&self.client);
        let mut session = client.session.lock().await;
        let info = session.prepare(query).and_then(|info| {
            if info.columns.len() > MAX_COLUMNS {
                return Err(Error::TooComplex(format!("a result has 1..{MAX_COLUMNS} columns")));
            }
            Ok(info)
        });
        client.prepared.lock().add(query, info.as_ref().ok().map(|info| (info.id, info.params)));
        let info = match info {
            Ok(info) => info,
            Err(error) => {
                return writer.error(ErrorKind::ER_UNKNOWN_ERROR, self.expect_error(&error).as_bytes()).await;
            }
        };

        self.bridge.patch(Patch::Keep);
        let params: Arc<[ResultColumn]> =
            (0..info.params).map(|_| ResultColumn::expression("?", DataType::VarBinary(0))).collect();
        self.expect_columns(&session, &params);
        self.expect_columns(&session, &info.columns);
        // opensrv wants a column for each parameter, of which there may be more than columns.
        let unnamed = COLUMNS.iter().cycle();
        let params: Vec<_> = unnamed.take(info.params.into()).collect();
        writer.reply(info.id, params, &COLUMNS[..info.columns.len()]).await
    }

    async fn on_execute<'a>(
        &'a mut self,
        id: u32,
        params: ParamParser<'a>,
        results: Results<'a>,
    ) -> io::Result<()> {
        let client = Arc::clone(&self.client);
        let mut session = client.session.lock().await;
        let values: Result<Vec<Value>> = params.into_iter().map(|param| param_value(&param)).collect();
        let outcome = match values {
            Ok(values) => session.execute_prepared(id, values).await.map(checked),
            Err(error) => Err(error),
        };
        match self.write_outcome(&session, outcome, false, RowFormat::Binary, results).await? {
            Some(results) => results.no_more_results().await,
            None => Ok(()),
        }
    }

    async fn on_close<'a>(&'a mut self, id: u32)
    where
        BridgeWriter: 'async_trait,
    {
        self.client.prepared.lock().remove(id);
        self.client.session.lock().await.close_prepared(id);
    }

    async fn on_init<'a>(
        &'a mut self,
        database: &'a str,
        writer: InitWriter<'a, BridgeWriter>,
    ) -> io::Result<()> {
        let client = Arc::clone(&self.client);
        let mut session = client.session.lock().await;
        match session.use_database(database) {
            Ok(()) => {
                let status = status_flags(session.status(), false);
                self.bridge.patch(Patch::Ok { status, warnings: 0, info: String::new() });
                writer.ok().await
            }
            Err(error) => {
                writer.error(ErrorKind::ER_UNKNOWN_ERROR, self.expect_error(&error).as_bytes()).await
            }
        }
    }
}
