//! CometQL's statements as the planner gets them: only what CometQL can do, names not yet looked up.

mod expr;

pub use expr::*;

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// SELECT or UNION.
    Select(Box<Query>),
    /// INSERT or REPLACE.
    Insert(Box<Insert>),
    /// UPDATE of one table.
    Update(Box<Update>),
    /// DELETE from one table.
    Delete(Box<Delete>),
    /// TRUNCATE TABLE.
    Truncate(TableName),
    /// EXPLAIN of another statement.
    Explain(Box<Statement>),
    /// BEGIN, COMMIT and their kin.
    Transaction(TransactionControl),
    /// SET, in the order written.
    Set(Vec<Setting>),
    /// USE.
    Use(String),
    /// DO: expressions whose values are dropped.
    Do(Vec<Expr>),
    /// SHOW, DESCRIBE.
    Show(Show),
    /// KILL [CONNECTION | QUERY] id.
    Kill {
        /// The connection's number.
        id: Expr,
        /// Only its statement.
        query_only: bool,
    },
    /// PREPARE name FROM text.
    Prepare {
        /// The statement's name.
        name: String,
        /// Its text: a literal or a user variable.
        text: Expr,
    },
    /// EXECUTE name USING variables.
    Execute {
        /// The statement's name.
        name: String,
        /// The parameters' values.
        params: Vec<Expr>,
    },
    /// DEALLOCATE PREPARE name.
    Deallocate(String),
    /// ANALYZE, CHECK, OPTIMIZE or REPAIR TABLE.
    Maintain {
        /// The verb in lower case, as it appears in the answer.
        operation: &'static str,
        /// The tables named.
        tables: Vec<TableName>,
    },
    /// FLUSH and LOCK/UNLOCK TABLES: nothing to do here, and a note says so.
    Ignored(&'static str),
}

impl Statement {
    /// Whether it runs by a plan.
    pub fn has_plan(&self) -> bool {
        matches!(
            self,
            Statement::Select(_)
                | Statement::Insert(_)
                | Statement::Update(_)
                | Statement::Delete(_)
                | Statement::Truncate(_)
                | Statement::Explain(_)
        )
    }
}

/// Statements about transactions.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionControl {
    /// BEGIN or START TRANSACTION.
    Begin {
        /// READ ONLY.
        read_only: bool,
    },
    /// COMMIT; `chain` begins the next transaction.
    Commit {
        /// AND CHAIN.
        chain: bool,
    },
    /// ROLLBACK.
    Rollback {
        /// AND CHAIN.
        chain: bool,
    },
    /// SAVEPOINT name.
    Savepoint(String),
    /// ROLLBACK TO [SAVEPOINT] name.
    RollbackTo(String),
    /// RELEASE SAVEPOINT name.
    Release(String),
}

/// Where a system variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `@@name`: the session's, or the server's if it has no session value.
    Any,
    /// `@@session.name`, `@@local.name`.
    Session,
    /// `@@global.name`.
    Global,
}

/// One assignment of a SET.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A system variable; no value is DEFAULT.
    System {
        /// Session or global.
        scope: Scope,
        /// Its name in lower case.
        name: String,
        /// The new value.
        value: Option<Expr>,
    },
    /// `@name = value`.
    User {
        /// Its name in lower case, without the `@`.
        name: String,
        /// The new value.
        value: Expr,
    },
    /// SET NAMES and SET CHARACTER SET; no charset is DEFAULT.
    Names {
        /// The character set.
        charset: Option<String>,
        /// The collation.
        collation: Option<String>,
    },
    /// SET [SESSION] TRANSACTION ISOLATION LEVEL ..., READ ONLY, READ WRITE.
    TransactionCharacteristics {
        /// The level in MySQL's spelling (`REPEATABLE-READ`).
        isolation: Option<&'static str>,
        /// READ ONLY or READ WRITE.
        read_only: Option<bool>,
        /// For the session and not only for the next transaction.
        session: bool,
    },
    /// CometQL's `SET a b` and `SET a b c`, which never had an effect.
    CometQl,
}

/// A table's name, with its database if written.
#[derive(Clone, Debug, PartialEq)]
pub struct TableName {
    /// The database.
    pub database: Option<String>,
    /// The table.
    pub name: String,
}

/// SELECT statements with what belongs to their union: ORDER BY and LIMIT.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// SELECT or UNION.
    pub body: Body,
    /// ORDER BY.
    pub order_by: Vec<OrderBy>,
    /// LIMIT.
    pub limit: Limit,
}

/// LIMIT and OFFSET: a number or a parameter each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limit {
    /// How many rows.
    pub count: Option<Expr>,
    /// How many rows to pass over first.
    pub offset: Option<Expr>,
}

/// What a query is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// One SELECT.
    Select(Box<Select>),
    /// A query in brackets.
    Query(Box<Query>),
    /// The first SELECT, and the others with whether duplicates stay (ALL).
    Union(Box<Body>, Vec<(bool, Body)>),
}

/// One SELECT.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// DISTINCT.
    pub distinct: bool,
    /// SQL_CALC_FOUND_ROWS.
    pub calc_found_rows: bool,
    /// What it selects.
    pub items: Vec<Item>,
    /// FROM; None is a SELECT of one row without tables.
    pub from: Option<From>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// GROUP BY.
    pub group_by: Vec<OrderBy>,
    /// HAVING.
    pub having: Option<Expr>,
}

/// One element of a select list.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `*`
    Wildcard,
    /// `table.*`
    TableWildcard(TableName),
    /// An expression.
    Expr {
        /// The expression.
        expr: Expr,
        /// Its alias.
        alias: Option<String>,
        /// The text as written: the heading of a column without alias.
        text: String,
    },
}

/// A table expression.
#[derive(Clone, Debug, PartialEq)]
pub enum From {
    /// A table, with its alias.
    Table {
        /// The table.
        name: TableName,
        /// AS alias.
        alias: Option<String>,
    },
    /// A subquery, with its alias.
    Derived {
        /// The subquery.
        query: Box<Query>,
        /// AS alias; MySQL requires it.
        alias: Option<String>,
        /// Names for its columns.
        columns: Vec<String>,
    },
    /// A join of two.
    Join {
        /// The left side.
        left: Box<From>,
        /// The right side.
        right: Box<From>,
        /// Inner, left or right.
        kind: JoinKind,
        /// What joins them.
        on: JoinCondition,
    },
}

/// Which rows without a partner stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// None.
    Inner,
    /// Those of the left side.
    Left,
    /// Those of the right side.
    Right,
}

/// What joins two tables.
#[derive(Clone, Debug, PartialEq)]
pub enum JoinCondition {
    /// Nothing: every row with every other.
    None,
    /// ON.
    On(Expr),
    /// USING.
    Using(Vec<String>),
    /// NATURAL: the columns of the same name.
    Natural,
}

/// One expression of ORDER BY or GROUP BY.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderBy {
    /// The expression, an alias, or a position in the select list.
    pub expr: Expr,
    /// DESC.
    pub descending: bool,
}

/// INSERT or REPLACE.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// The table.
    pub table: TableName,
    /// The columns named; empty if there was no list.
    pub columns: Vec<String>,
    /// The rows.
    pub source: InsertSource,
    /// REPLACE.
    pub replace: bool,
    /// IGNORE.
    pub ignore: bool,
    /// ON DUPLICATE KEY UPDATE.
    pub on_duplicate: Vec<Assignment>,
    /// RETURNING; empty if there is none.
    pub returning: Vec<Item>,
}

/// Where the rows of an INSERT come from.
#[derive(Clone, Debug, PartialEq)]
pub enum InsertSource {
    /// VALUES, or SET as one row.
    Values(Vec<Vec<Expr>>),
    /// SELECT.
    Query(Box<Query>),
}

/// `column = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The table or alias before the column.
    pub table: Option<String>,
    /// The column.
    pub column: String,
    /// The value; [`Expr::Default`] among them.
    pub value: Expr,
}

/// UPDATE.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The table.
    pub table: TableName,
    /// Its alias.
    pub alias: Option<String>,
    /// SET.
    pub assignments: Vec<Assignment>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// ORDER BY.
    pub order_by: Vec<OrderBy>,
    /// LIMIT.
    pub limit: Option<Expr>,
    /// IGNORE: errors of values become warnings, and rows whose new key is taken stay as they are.
    pub ignore: bool,
}

/// DELETE.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// The table.
    pub table: TableName,
    /// Its alias.
    pub alias: Option<String>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// ORDER BY.
    pub order_by: Vec<OrderBy>,
    /// LIMIT.
    pub limit: Option<Expr>,
    /// RETURNING; empty if there is none.
    pub returning: Vec<Item>,
}

/// SHOW and its kin.
#[derive(Clone, Debug, PartialEq)]
pub struct Show {
    /// What to show.
    pub what: ShowKind,
    /// LIKE 'pattern'.
    pub like: Option<String>,
    /// WHERE.
    pub filter: Option<Expr>,
}

/// What SHOW shows.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ShowKind {
    Databases,
    Tables {
        database: Option<String>,
        full: bool,
    },
    TableStatus {
        database: Option<String>,
    },
    Columns {
        table: TableName,
        full: bool,
    },
    Index {
        table: TableName,
    },
    CreateTable {
        table: TableName,
    },
    CreateDatabase {
        database: String,
    },
    Variables {
        scope: Scope,
    },
    Status {
        scope: Scope,
    },
    /// CppComet's `SHOW RAM|AVG|UPTIME|FILESYSTEM STATUS`.
    Machine(MachineStatus),
    Warnings {
        count: bool,
        limit: Limit,
    },
    Errors {
        count: bool,
        limit: Limit,
    },
    ProcessList {
        full: bool,
    },
    Engines,
    CharacterSet,
    Collation,
    Grants,
    Plugins,
    Privileges,
    Triggers,
    Events,
    /// PROCEDURE, FUNCTION or PACKAGE STATUS.
    Routines,
    OpenTables,
    Export,
}

/// CppComet's questions about the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MachineStatus {
    Ram,
    Average,
    Uptime,
    Filesystem,
}
