//! The server's values of the variables.

use std::sync::Arc;

use parking_lot::RwLock;

use super::{Access, Id, Initial, LIST, Reach, find, id, slot};
use crate::{
    error::{Error, Result},
    sql::{
        Limits,
        types::{Value, Warnings},
    },
};

/// The server's values of the variables. Sessions begin with a snapshot of them.
#[derive(Debug)]
pub struct GlobalVariables {
    /// What DEFAULT means: the list's values, with what the operator configured.
    defaults: RwLock<Arc<[Value]>>,
    current: RwLock<Arc<[Value]>>,
}

impl GlobalVariables {
    /// The list's values, and those that follow from the engine's limits.
    pub fn new(limits: &Limits) -> Self {
        let mut values: Vec<Value> = LIST
            .iter()
            .map(|variable| match variable.initial {
                Initial::Null | Initial::Fact(_) => Value::Null,
                Initial::Number(number) => Value::UInt(number),
                Initial::Real(number) => Value::Double(number),
                Initial::Collation(id) => Value::UInt(id.into()),
                Initial::Text(text) => Value::text(text),
            })
            .collect();
        let bytes = |bytes: usize| Value::UInt(u64::try_from(bytes).unwrap_or(u64::MAX));
        values[const { id("max_allowed_packet") }] = bytes(limits.insert_bytes);
        values[const { id("max_prepared_stmt_count") }] = bytes(limits.prepared_statements);
        values[const { id("max_statement_time") }] = Value::Double(limits.statement_time.as_secs_f64());
        let values: Arc<[Value]> = values.into();
        GlobalVariables { defaults: RwLock::new(Arc::clone(&values)), current: RwLock::new(values) }
    }

    /// Sets a variable to what the operator configured, a read-only one too. Errors 1193, 1231, 1232.
    pub fn configure(&self, name: &str, value: &Value) -> Result<()> {
        let id = find(name).ok_or_else(|| Error::UnknownVariable(name.to_owned()))?;
        let value = LIST[id].kind.accept(LIST[id].name, value, &Warnings::default())?;
        for values in [&self.defaults, &self.current] {
            replace(values, slot(id), value.clone());
        }
        Ok(())
    }

    /// SET GLOBAL; no value is DEFAULT. The caller sees to it that only tenant 0 does so. Errors 1193, 1228, 1238, 1231,
    /// 1232.
    pub fn set(&self, name: &str, value: Option<&Value>, warnings: &Warnings) -> Result<()> {
        let id = find(name).ok_or_else(|| Error::UnknownVariable(name.to_owned()))?;
        let variable = &LIST[id];
        if variable.access == Access::ReadOnly {
            return Err(Error::ReadOnlyVariable(name.to_owned()));
        }
        if variable.reach == Reach::Session {
            return Err(Error::SessionVariable(name.to_owned()));
        }
        let value = match value {
            Some(value) => variable.kind.accept(variable.name, value, warnings)?,
            None => self.defaults.read()[slot(id)].clone(),
        };
        replace(&self.current, slot(id), value);
        Ok(())
    }

    /// The present values.
    pub(super) fn current(&self) -> Arc<[Value]> {
        Arc::clone(&self.current.read())
    }
}

fn replace(values: &RwLock<Arc<[Value]>>, slot: Id, value: Value) {
    let mut values = values.write();
    let mut changed = values.to_vec();
    changed[slot] = value;
    *values = changed.into();
}
