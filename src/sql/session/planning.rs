//! From text to plan.

use std::{cell::Cell, sync::Arc};

use super::Session;
use crate::{
    error::Result,
    sql::{
        parse::{
            self, Options,
            ast::{Scope, Statement},
            shape,
        },
        plan::{
            self, Action, Plan,
            environment::{Environment, Variables},
            node::Node,
        },
        plan_cache::{param_type, write_kind},
        system::SqlMode,
        types::{ExprType, ResultColumn, Value},
    },
};

impl Variables for Session {
    fn system(&self, scope: Scope, name: &str) -> Result<Value> {
        self.variables.read(scope, name, &self.facts())
    }

    fn user(&self, name: &str) -> Value {
        self.user_variables.get(name).cloned().unwrap_or(Value::Null)
    }
}

impl Session {
    /// How the session's texts are to be read.
    pub(super) fn parse_options(&self) -> Options {
        Options { pipes_as_concat: self.variables.sql_mode().has(SqlMode::PIPES_AS_CONCAT) }
    }

    /// The plan of a text by its shape, with the values of its literals; None if the text has to be parsed as it is. An
    /// error in the shape is none yet: the text itself gives it in its own words.
    pub(super) fn plan_of_shape(&self, text: &str) -> Result<Option<(Arc<Plan>, Vec<Value>)>> {
        let Some(shape) = shape::shape(text) else { return Ok(None) };
        let key = self.cache_key(&shape.text, &shape.params);
        let version = self.engine.catalog.version();
        if let Some(plan) = self.engine.plans.get(&key, version) {
            return Ok(Some((plan, shape.params)));
        }
        let Ok(parsed) = parse::parse(&shape.text, self.parse_options(), &self.engine.limits) else {
            return Ok(None);
        };
        if parsed.params != shape.params.len() {
            return Ok(None);
        }
        let Ok(plan) = self.plan(&parsed.statement, &shape.params) else { return Ok(None) };
        let plan = Arc::new(plan);
        if !plan.volatile {
            self.engine.plans.put(key, version, &plan);
        }
        Ok(Some((plan, shape.params)))
    }

    /// The plan of a prepared statement for these values.
    pub(super) fn plan_of_prepared(&self, text: &str, params: &[Value]) -> Result<Arc<Plan>> {
        let key = self.cache_key(text, params);
        let version = self.engine.catalog.version();
        if let Some(plan) = self.engine.plans.get(&key, version) {
            return Ok(plan);
        }
        let parsed = parse::parse(text, self.parse_options(), &self.engine.limits)?;
        let plan = Arc::new(self.plan(&parsed.statement, params)?);
        if !plan.volatile {
            self.engine.plans.put(key, version, &plan);
        }
        Ok(plan)
    }

    /// Everything that decides on a plan.
    fn cache_key(&self, text: &str, params: &[Value]) -> Vec<u8> {
        let mut key = Vec::with_capacity(text.len() + params.len() + 32);
        // A text may hold whatever separates the other parts.
        key.extend_from_slice(&text.len().to_be_bytes());
        key.extend_from_slice(text.as_bytes());
        params.iter().for_each(|param| write_kind(&mut key, param));
        key.push(0);
        key.extend_from_slice(self.database.as_deref().unwrap_or("").as_bytes());
        key.push(0);
        key.push(u8::from(self.parse_options().pipes_as_concat));
        key.push(u8::from(self.login.tenant == 0));
        // A tenant may name its own database only.
        if text.contains("db_") {
            key.extend_from_slice(&self.login.tenant.to_be_bytes());
        }
        key
    }

    /// Plans a statement for parameters with these values.
    pub(super) fn plan(&self, statement: &Statement, params: &[Value]) -> Result<Plan> {
        let types: Vec<ExprType> = params.iter().map(param_type).collect();
        self.plan_for_types(statement, &types)
    }

    /// Plans a statement for parameters of these types.
    pub(super) fn plan_for_types(&self, statement: &Statement, params: &[ExprType]) -> Result<Plan> {
        if let Statement::Explain(inner) = statement {
            return Ok(explained(&self.plan_for_types(inner, params)?));
        }
        plan::plan(&self.environment(params), statement)
    }

    /// What a planner may know, for parameters of these types.
    pub(super) fn environment<'s>(&'s self, params: &'s [ExprType]) -> Environment<'s> {
        Environment {
            catalog: self.engine.catalog.as_ref(),
            tenant: self.login.tenant,
            database: self.database.as_deref(),
            variables: self,
            params,
            volatile: Cell::new(false),
            subqueries: Cell::new(0),
            variable_bytes: self.engine.limits.memory_bytes,
            variables_held: Cell::new(0),
        }
    }
}

/// The plan whose rows are the lines of another one.
fn explained(plan: &Plan) -> Plan {
    let lines = plan.explain();
    let length = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let rows = lines.into_iter().map(|line| vec![Value::text(line)]).collect();
    Plan {
        action: Action::Query(Node::Values(rows)),
        columns: Arc::new([ResultColumn::expression("EXPLAIN", ExprType::text(length))]),
        subqueries: 0,
        volatile: plan.volatile,
        may_run_long: false,
    }
}
