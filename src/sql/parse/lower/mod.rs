//! sqlparser's statements become ours. sqlparser accepts what a dozen databases know; everything that is not taken over
//! here is refused by name.

mod expr;
mod query;
mod types;
mod write;

use sqlparser::ast as sp;

use super::{ast, source::Source};
use crate::error::{Error, Result};

/// What lowering needs to know beside the tree.
pub(super) struct Lower<'a> {
    pub(super) source: &'a Source<'a>,
    /// sql_mode PIPES_AS_CONCAT.
    pub(super) pipes_as_concat: bool,
    /// UPDATE IGNORE or DELETE IGNORE.
    pub(super) ignore: bool,
}

/// Refuses a clause or statement by its name.
pub(super) fn unsupported<T>(what: &str) -> Result<T> {
    Err(Error::Unsupported(what.to_owned()))
}

/// Refuses a clause if it is there.
fn refuse(present: bool, what: &str) -> Result<()> {
    if present { unsupported(what) } else { Ok(()) }
}

/// The one name of an unqualified identifier.
fn simple_name(name: sp::ObjectName) -> Result<String> {
    let mut parts = names(name)?;
    match (parts.pop(), parts.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => unsupported("qualified name"),
    }
}

/// The parts of a dotted name.
fn names(name: sp::ObjectName) -> Result<Vec<String>> {
    name.0
        .into_iter()
        .map(|part| match part {
            sp::ObjectNamePart::Identifier(ident) => Ok(ident.value),
            sp::ObjectNamePart::Function(_) => unsupported("function as a name"),
        })
        .collect()
}

/// `[database.]table`.
pub(super) fn table_name(name: sp::ObjectName) -> Result<ast::TableName> {
    let mut parts = names(name)?.into_iter();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, None) => Ok(ast::TableName { database: None, name }),
        (Some(database), Some(name), None) => Ok(ast::TableName { database: Some(database), name }),
        _ => unsupported("name of three parts"),
    }
}

impl Lower<'_> {
    pub(super) fn statement(&self, statement: sp::Statement) -> Result<ast::Statement> {
        match statement {
            sp::Statement::Query(query) => Ok(ast::Statement::Select(Box::new(self.query(*query)?))),
            sp::Statement::Insert(insert) => Ok(ast::Statement::Insert(Box::new(self.insert(insert)?))),
            sp::Statement::Update(update) => Ok(ast::Statement::Update(Box::new(self.update(update)?))),
            sp::Statement::Delete(delete) => Ok(ast::Statement::Delete(Box::new(self.delete(delete)?))),
            sp::Statement::Truncate(truncate) => self.truncate(truncate),
            _ => unsupported("this statement"),
        }
    }
}
