//! Statements without a plan of their own.

use std::sync::Arc;

use super::{Session, prepared};
use crate::{
    error::{Error, Result},
    sql::{
        execute::Stream,
        outcome::{Done, Outcome, Rows},
        parse::ast::{self, Expr, Statement},
        plan::{Action, Plan, node::Node},
        types::{ExprType, Level, ResultColumn, Row, Value},
    },
};

impl Session {
    pub(super) async fn command(&mut self, statement: &Statement) -> Result<Outcome> {
        self.clear_diagnostics();
        match statement {
            Statement::Set(settings) => return self.set(settings).await,
            Statement::Use(database) => self.use_database(database)?,
            Statement::Do(exprs) => {
                self.values_of(exprs)?;
            }
            Statement::Kill { id, query_only } => self.kill(id, *query_only)?,
            Statement::Prepare { name, text } => {
                let text = self.value_of(text)?;
                self.prepare_named(name, &text)?;
            }
            Statement::Execute { name, params } => {
                let params = self.values_of(params)?;
                // A statement that executes itself would never end; nothing that can be prepared executes another.
                return Box::pin(self.execute_named(name, params)).await;
            }
            Statement::Deallocate(name) => {
                if !self.deallocate(name) {
                    return Err(prepared::unknown(name, "DEALLOCATE PREPARE"));
                }
            }
            Statement::Maintain { operation, tables } => return self.maintain(operation, tables),
            Statement::Ignored(what) => {
                let message =
                    format!("{what} has nothing to do here: reads are snapshots, writes are durable");
                self.note(Level::Note, 1105, &message);
            }
            _ => return Err(Error::Internal("this statement is no command".to_owned())),
        }
        self.row_count = 0;
        Ok(Outcome::Done(Done::default()))
    }

    fn kill(&mut self, id: &Expr, query_only: bool) -> Result<()> {
        let id = match self.value_of(id)? {
            Value::Int(id) => u64::try_from(id).unwrap_or(0),
            Value::UInt(id) => id,
            _ => return Err(Error::WrongArguments("KILL".to_owned())),
        };
        let number = u32::try_from(id).map_err(|_| Error::UnknownConnection(id))?;
        self.engine.processes().kill(number, self.home, query_only)
    }

    /// ANALYZE, CHECK, OPTIMIZE, REPAIR TABLE: there is nothing to do, and each table says so.
    fn maintain(&mut self, operation: &str, tables: &[ast::TableName]) -> Result<Outcome> {
        let mut rows = Vec::new();
        for table in tables {
            let database = table.database.as_deref().or(self.database.as_deref()).unwrap_or(super::DATABASE);
            let row = |kind: &str, text: String| -> Row {
                let name = format!("{database}.{}", table.name);
                vec![Value::text(name), Value::text(operation), Value::text(kind), Value::text(text)]
            };
            match self.find_table(table) {
                Ok(()) => rows.push(row("status", "OK".to_owned())),
                Err(error) => {
                    rows.push(row("Error", error.to_string()));
                    rows.push(row("status", "Operation failed".to_owned()));
                }
            }
        }
        let columns = [("Table", 128), ("Op", 10), ("Msg_type", 10), ("Msg_text", 512)]
            .map(|(name, length)| ResultColumn::expression(name, ExprType::text(length)));
        self.answer(rows, Arc::new(columns))
    }

    fn find_table(&self, table: &ast::TableName) -> Result<()> {
        let query = Statement::Select(Box::new(ast::Query {
            body: ast::Body::Select(Box::new(ast::Select {
                distinct: false,
                calc_found_rows: false,
                items: vec![ast::Item::Wildcard],
                from: Some(ast::From::Table { name: table.clone(), alias: None }),
                filter: None,
                group_by: Vec::new(),
                having: None,
            })),
            order_by: Vec::new(),
            limit: ast::Limit::default(),
        }));
        self.plan(&query, &[]).map(drop)
    }

    /// A result set of rows that are there already.
    pub(super) fn answer(&mut self, rows: Vec<Row>, columns: Arc<[ResultColumn]>) -> Result<Outcome> {
        self.run_listing(Plan {
            action: Action::Query(Node::Values(rows)),
            columns,
            subqueries: 0,
            volatile: true,
            may_run_long: false,
        })
    }

    /// A result set of a plan that reads no stored table.
    pub(super) fn run_listing(&mut self, plan: Plan) -> Result<Outcome> {
        let plan = Arc::new(plan);
        let run = self.start(Arc::default(), &plan, Vec::new());
        let stream = Stream::open(&plan, &run, u64::MAX, true)?;
        Ok(Outcome::Rows(Rows {
            columns: Arc::clone(&plan.columns),
            may_run_long: false,
            rows: Box::new(stream),
        }))
    }

    /// The values of expressions, asked as SELECT would.
    pub(super) fn values_of(&mut self, exprs: &[Expr]) -> Result<Vec<Value>> {
        if exprs.is_empty() {
            return Ok(Vec::new());
        }
        let items =
            exprs.iter().map(|expr| ast::Item::Expr { expr: expr.clone(), alias: None, text: String::new() });
        let query = Statement::Select(Box::new(ast::Query {
            body: ast::Body::Select(Box::new(ast::Select {
                distinct: false,
                calc_found_rows: false,
                items: items.collect(),
                from: None,
                filter: None,
                group_by: Vec::new(),
                having: None,
            })),
            order_by: Vec::new(),
            limit: ast::Limit::default(),
        }));
        let plan = Arc::new(self.plan(&query, &[])?);
        let shared = match &self.transaction {
            Some(open) => open.shared(),
            None => self.begin_snapshot()?,
        };
        let own = self.transaction.is_none();
        let run = self.start(shared, &plan, Vec::new());
        let mut stream = Stream::open(&plan, &run, 1, own)?;
        let row = stream.next().transpose()?;
        row.ok_or_else(|| Error::Internal("an expression without a value".to_owned()))
    }
}
