//! SET.

use std::sync::Arc;

use super::Session;
use crate::{
    error::{Error, Result},
    sql::{
        outcome::{Done, Outcome},
        parse::ast::{Expr, Scope, Setting},
        types::{Level, Value},
    },
};

/// Most user variables of a session.
const MAX_USER_VARIABLES: usize = 1_000;

impl Session {
    pub(super) async fn set(&mut self, settings: &[Setting]) -> Result<Outcome> {
        // All values are computed before the first one counts, as in MySQL; so an error leaves everything as it was.
        let mut values = Vec::with_capacity(settings.len());
        let mut held = 0;
        for setting in settings {
            let value = match setting {
                Setting::System { value: Some(value), .. } | Setting::User { value, .. } => {
                    self.value_of(value)?
                }
                _ => Value::Null,
            };
            held += value.size_in_memory();
            self.check_variable_memory(held)?;
            values.push(value);
        }
        for (setting, value) in settings.iter().zip(values) {
            self.apply(setting, value).await?;
        }
        self.row_count = 0;
        Ok(Outcome::Done(Done::default()))
    }

    fn check_variable_memory(&self, bytes: usize) -> Result<()> {
        let limit = self.engine.limits.memory_bytes;
        if bytes > limit { Err(Error::VariableMemory(limit)) } else { Ok(()) }
    }

    async fn apply(&mut self, setting: &Setting, value: Value) -> Result<()> {
        match setting {
            Setting::System { scope, name, value: given } => {
                let value = given.as_ref().map(|_| &value);
                self.set_system(*scope, name, value).await
            }
            Setting::User { name, .. } => {
                if self.user_variables.len() >= MAX_USER_VARIABLES && !self.user_variables.contains_key(name)
                {
                    return Err(Error::TooComplex(format!("more than {MAX_USER_VARIABLES} user variables")));
                }
                let others = self.user_variables.iter().filter(|(other, _)| *other != name);
                let held: usize = others.map(|(_, value)| value.size_in_memory()).sum();
                let held = held + value.size_in_memory();
                self.check_variable_memory(held)?;
                self.variable_share.resize(held)?;
                self.user_variables.insert(name.clone(), value);
                Ok(())
            }
            Setting::Names { charset, collation } => {
                Arc::make_mut(&mut self.variables).set_names(charset.as_deref(), collation.as_deref())
            }
            Setting::TransactionCharacteristics { isolation, read_only, session } => {
                self.set_characteristics(*isolation, *read_only, *session)
            }
            Setting::CometQl => {
                self.note(Level::Note, 1105, "CometQL's SET without '=' has no effect");
                Ok(())
            }
        }
    }

    async fn set_system(&mut self, scope: Scope, name: &str, value: Option<&Value>) -> Result<()> {
        let warnings = crate::sql::types::Warnings::default();
        if scope == Scope::Global {
            if self.home != 0 {
                return Err(Error::AccessDenied("set global variables".to_owned()));
            }
            self.engine.variables().set(name, value, &warnings)?;
        } else {
            let before = self.variables.autocommit();
            Arc::make_mut(&mut self.variables).set(name, value, &warnings)?;
            // As in MySQL, turning autocommit on commits what is open.
            if !before && self.variables.autocommit() {
                self.commit().await?;
            }
        }
        self.diagnostics.count += warnings.count();
        self.diagnostics.warnings.extend(warnings.take());
        Ok(())
    }

    fn set_characteristics(
        &mut self,
        isolation: Option<&'static str>,
        read_only: Option<bool>,
        session: bool,
    ) -> Result<()> {
        if !session && self.transaction.is_some() {
            return Err(Error::TransactionOpen);
        }
        let warnings = crate::sql::types::Warnings::default();
        // Every transaction reads one snapshot, and conflicting writes fail, whatever level is asked for.
        if let (Some(isolation), true) = (isolation, session) {
            Arc::make_mut(&mut self.variables).set(
                "tx_isolation",
                Some(&Value::text(isolation)),
                &warnings,
            )?;
        }
        match (read_only, session) {
            (Some(read_only), true) => {
                Arc::make_mut(&mut self.variables).set(
                    "tx_read_only",
                    Some(&Value::Int(i64::from(read_only))),
                    &warnings,
                )?;
            }
            (Some(read_only), false) => self.next_read_only = Some(read_only),
            (None, _) => {}
        }
        Ok(())
    }

    /// Adds to what SHOW WARNINGS lists.
    pub(super) fn note(&mut self, level: Level, code: u16, message: &str) {
        if level == Level::Note && !self.variables.notes() {
            return;
        }
        self.diagnostics.count += 1;
        self.diagnostics.warnings.push(crate::sql::types::Warning {
            level,
            code,
            message: message.to_owned(),
        });
    }

    /// The value of an expression outside of a query: it is asked as SELECT would.
    pub(super) fn value_of(&mut self, expr: &Expr) -> Result<Value> {
        let mut values = self.values_of(std::slice::from_ref(expr))?;
        values.pop().ok_or_else(|| Error::Internal("an expression without a value".to_owned()))
    }
}
