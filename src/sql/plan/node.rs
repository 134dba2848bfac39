//! The parts of a plan: how rows are found, joined, grouped, ordered and shaped.
//!
//! The rows of one SELECT's FROM all have the same width: every table has its own stretch of columns, and what is not
//! read yet, or has no partner, is NULL there. So a join in any order gives the same row, and expressions never need
//! to be rewritten.

use std::sync::Arc;

use super::expression::{Expression, Typed};
use crate::sql::{
    functions::AggregateCall,
    system::VirtualTable,
    types::{DataType, ExprType, Row, TableSchema},
};

/// Where a table's columns stand in the rows of its SELECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Stretch {
    /// The first column.
    pub(in super::super) offset: usize,
    /// How many columns.
    pub(in super::super) width: usize,
    /// How many columns the whole row has.
    pub(in super::super) total: usize,
}

impl Stretch {
    /// Whether a column of the row belongs to it.
    pub(in super::super) fn contains(&self, column: usize) -> bool {
        (self.offset..self.offset + self.width).contains(&column)
    }
}

/// A part of a plan.
#[derive(Debug)]
pub(in super::super) enum Node {
    /// One row without columns: SELECT without FROM.
    OneRow,
    /// Rows of a table.
    Scan(Box<Scan>),
    /// The rows of a system table.
    System {
        /// The table.
        table: &'static VirtualTable,
        /// Its alias.
        alias: String,
        /// Where its columns go.
        stretch: Stretch,
    },
    /// Rows of a subquery in FROM.
    Derived {
        /// The subquery.
        input: Box<Node>,
        /// Its alias.
        alias: String,
        /// Where its columns go.
        stretch: Stretch,
    },
    /// The number of rows of an index range, without reading them.
    Count(Box<Scan>),
    /// Rows for which conditions hold.
    Filter {
        /// Where the rows come from.
        input: Box<Node>,
        /// The conditions, all of which must hold.
        conditions: Vec<Expression>,
    },
    /// Rows of two inputs joined.
    Join(Box<Join>),
    /// Groups of rows: the first row of each, followed by the aggregates' values.
    Aggregate {
        /// Where the rows come from.
        input: Box<Node>,
        /// What rows of a group have in common; none makes one group of all, even of no rows.
        keys: Vec<Typed>,
        /// What is computed of each group.
        aggregates: Vec<AggregateStep>,
        /// Columns of the input.
        width: usize,
    },
    /// Rows in order.
    Sort {
        /// Where the rows come from.
        input: Box<Node>,
        /// By what.
        keys: Vec<SortKey>,
        /// Rows that will be asked for at most, if known.
        top: Option<LimitBounds>,
    },
    /// Some expressions of each row.
    Project {
        /// Where the rows come from.
        input: Box<Node>,
        /// The expressions.
        columns: Vec<Expression>,
    },
    /// Each different row once.
    Distinct(Box<Node>),
    /// A stretch of the rows.
    Limit {
        /// Where the rows come from.
        input: Box<Node>,
        /// Which.
        bounds: LimitBounds,
        /// SQL_CALC_FOUND_ROWS: the others are counted.
        count_all: bool,
    },
    /// The rows of several inputs, one after the other.
    Union {
        /// The inputs, with their columns' types.
        inputs: Vec<(Node, Vec<ExprType>)>,
        /// The result's columns' types.
        types: Vec<ExprType>,
        /// Inputs up to this one lose their duplicates together (UNION without ALL); none if 0.
        distinct: usize,
    },
    /// Rows known when the plan is made: EXPLAIN and the like.
    Values(Vec<Row>),
}

/// LIMIT and OFFSET: numbers or parameters.
#[derive(Clone, Debug)]
pub(in super::super) struct LimitBounds {
    /// How many rows; None is no limit.
    pub(in super::super) count: Option<Expression>,
    /// How many to pass over first.
    pub(in super::super) offset: Option<Expression>,
}

/// What rows are sorted by.
#[derive(Clone, Debug)]
pub(in super::super) struct SortKey {
    /// The expression.
    pub(in super::super) expr: Expression,
    /// DESC.
    pub(in super::super) descending: bool,
}

/// One aggregate of a group.
#[derive(Debug)]
pub(in super::super) struct AggregateStep {
    /// The aggregate bound to its arguments' types.
    pub(in super::super) call: AggregateCall,
    /// Its arguments; none for COUNT(*).
    pub(in super::super) args: Vec<Expression>,
    /// ORDER BY of GROUP_CONCAT.
    pub(in super::super) order_by: Vec<SortKey>,
    /// As written, for EXPLAIN.
    pub(in super::super) text: String,
}

/// How a table is read.
#[derive(Clone, Debug)]
pub(in super::super) struct Scan {
    /// The table.
    pub(in super::super) table: Arc<TableSchema>,
    /// Its alias.
    pub(in super::super) alias: String,
    /// Where its columns go.
    pub(in super::super) stretch: Stretch,
    /// Which rows.
    pub(in super::super) access: Access,
    /// What else must hold, all of it.
    pub(in super::super) filter: Vec<Expression>,
}

/// Which stretches of which index are read.
#[derive(Clone, Debug)]
pub(in super::super) struct Access {
    /// The index; 0 is the primary key.
    pub(in super::super) index: u8,
    /// Its name.
    pub(in super::super) name: String,
    /// Positions in the table of its columns; of a secondary index, followed by those of the primary key.
    pub(in super::super) columns: Vec<usize>,
    /// The stretches; one without bounds is the whole index.
    pub(in super::super) spans: Vec<Span>,
    /// Every span is one primary key.
    pub(in super::super) point: bool,
    /// Backwards.
    pub(in super::super) reverse: bool,
}

/// Stretches of an index: its leading columns equal one value out of each list, the next one lies between bounds.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Span {
    /// Values of the leading columns.
    pub(in super::super) equal: Vec<KeyColumn>,
    /// Bounds of the next column.
    pub(in super::super) range: Option<KeyBounds>,
}

/// The values that one leading column may have.
#[derive(Clone, Debug)]
pub(in super::super) struct KeyColumn {
    /// The column's type.
    pub(in super::super) data_type: DataType,
    /// The values.
    pub(in super::super) values: Vec<Expression>,
    /// NULL among them finds NULLs (IS NULL, `<=>`) instead of nothing.
    pub(in super::super) null_matches: bool,
}

/// Between what one column lies.
#[derive(Clone, Debug)]
pub(in super::super) struct KeyBounds {
    /// The column's type.
    pub(in super::super) data_type: DataType,
    /// The column can hold NULLs, which come first and are never in the range.
    pub(in super::super) nullable: bool,
    /// The least value, and whether it is included.
    pub(in super::super) lower: Option<(Expression, bool)>,
    /// The greatest value, and whether it is included.
    pub(in super::super) upper: Option<(Expression, bool)>,
    /// A LIKE pattern whose beginning is fixed, instead of bounds.
    pub(in super::super) like: Option<Expression>,
}

/// How two inputs are joined.
#[derive(Debug)]
pub(in super::super) struct Join {
    /// The outer input.
    pub(in super::super) left: Node,
    /// The inner input; in a [`JoinMethod::Lookup`] its access uses columns of the outer one.
    pub(in super::super) right: Node,
    /// Which rows come out.
    pub(in super::super) kind: JoinKind,
    /// How partners are found.
    pub(in super::super) method: JoinMethod,
    /// What else must hold between partners, all of it.
    pub(in super::super) conditions: Vec<Expression>,
    /// Columns of the inner input.
    pub(in super::super) right_stretches: Vec<Stretch>,
}

/// Which rows of a join come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum JoinKind {
    /// Pairs.
    Inner,
    /// Pairs, and outer rows without a partner.
    Left,
    /// Outer rows without a partner.
    Anti,
}

/// How partners are found.
#[derive(Debug)]
pub(in super::super) enum JoinMethod {
    /// The inner input is read for each outer row, by a key.
    Lookup,
    /// The inner input is read once into a hash table on these keys.
    Hash {
        /// Keys of outer rows.
        left: Vec<Expression>,
        /// Keys of inner rows.
        right: Vec<Expression>,
    },
    /// The inner input is read once, and each pair is looked at.
    Nested,
}
