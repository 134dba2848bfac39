//! Prepared statements: of the binary protocol by number, of PREPARE by name.

use std::sync::Arc;

use super::Session;
use crate::{
    error::{Error, Result},
    sql::{
        memory::Share,
        outcome::{Outcome, PreparedInfo},
        parse::{self, ast::Statement},
        types::{DataType, ExprType, ResultColumn, Value},
    },
};

/// A prepared statement. Only its text is kept: its tree would take hundreds of times as much, and is needed again only if
/// its plan is not kept.
pub(super) struct PreparedStatement {
    text: Arc<str>,
    params: usize,
    /// Its plan may be kept.
    is_planned: bool,
    /// The text's part of the memory.
    _share: Share,
}

impl Session {
    pub(super) fn prepare_text(&mut self, text: &str) -> Result<PreparedInfo> {
        let limit = self.engine.limits.prepared_statements;
        if self.prepared.len() >= limit {
            return Err(Error::TooManyPrepared(limit));
        }
        let limit = self.engine.limits.prepared_bytes;
        let held: usize = self.prepared.values().map(|prepared| prepared.text.len()).sum();
        if held + text.len() > limit {
            return Err(Error::PreparedTooLong(limit));
        }
        let mut share = Share::of(&self.engine.memory);
        share.resize(text.len())?;
        let parsed = parse::parse(text, self.parse_options(), &self.engine.limits)?;
        let params = u16::try_from(parsed.params).map_err(|_| Error::TooManyParams)?;
        let columns = self.columns_of(&parsed.statement, parsed.params)?;
        self.last_prepared = self.last_prepared.wrapping_add(1).max(1);
        let id = self.last_prepared;
        self.prepared.insert(
            id,
            PreparedStatement {
                text: Arc::from(text),
                params: parsed.params,
                is_planned: matches!(
                    parsed.statement,
                    Statement::Select(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_)
                ),
                _share: share,
            },
        );
        Ok(PreparedInfo { id, params, columns })
    }

    /// The columns of a statement's result before its parameters are known.
    fn columns_of(&self, statement: &Statement, params: usize) -> Result<Arc<[ResultColumn]>> {
        match statement {
            statement if statement.has_plan() => {
                let types = vec![ExprType::new(DataType::Null); params];
                Ok(self.plan_for_types(statement, &types)?.columns)
            }
            Statement::Show(show) => self.show_columns(show),
            Statement::Prepare { .. } | Statement::Execute { .. } | Statement::Deallocate(_) => {
                Err(Error::NotPreparable)
            }
            _ => Ok(Arc::new([])),
        }
    }

    pub(super) async fn execute_statement_id(
        &mut self,
        id: u32,
        command: &str,
        params: Vec<Value>,
    ) -> Result<Outcome> {
        let unknown = || Error::UnknownPrepared { handler: id.to_string(), command: command.to_owned() };
        let prepared = self.prepared.get(&id).ok_or_else(unknown)?;
        if prepared.params != params.len() {
            return Err(Error::WrongArguments("EXECUTE".to_owned()));
        }
        let text = Arc::clone(&prepared.text);
        if prepared.is_planned {
            let plan = self.plan_of_prepared(&text, &params)?;
            self.run_plan(&plan, params).await
        } else {
            let parsed = parse::parse(&text, self.parse_options(), &self.engine.limits)?;
            self.execute_statement(&parsed.statement, params).await
        }
    }

    /// PREPARE: the name may have meant another statement before.
    pub(super) fn prepare_named(&mut self, name: &str, text: &Value) -> Result<()> {
        self.deallocate(name);
        let Value::Text(text) = text else {
            return Err(Error::Syntax("PREPARE takes a text".to_owned()));
        };
        let info = self.prepare_text(text)?;
        self.named.insert(name.to_ascii_lowercase(), info.id);
        Ok(())
    }

    /// EXECUTE.
    pub(super) async fn execute_named(&mut self, name: &str, params: Vec<Value>) -> Result<Outcome> {
        let id =
            self.named.get(&name.to_ascii_lowercase()).copied().ok_or_else(|| unknown(name, "EXECUTE"))?;
        self.execute_statement_id(id, "EXECUTE", params).await
    }

    /// DEALLOCATE PREPARE; whether there was one of this name.
    pub(super) fn deallocate(&mut self, name: &str) -> bool {
        let id = self.named.remove(&name.to_ascii_lowercase());
        if let Some(id) = id {
            self.prepared.remove(&id);
        }
        id.is_some()
    }
}

/// Error 1243.
pub(super) fn unknown(name: &str, command: &str) -> Error {
    Error::UnknownPrepared { handler: name.to_owned(), command: command.to_owned() }
}
