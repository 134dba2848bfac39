//! The bounds that keep one statement, and one session, from taking the server.

use std::time::Duration;

/// Bounds on what a client may ask; each ends in a clear error.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a statement other than INSERT or REPLACE (error 1153).
    pub statement_bytes: usize,
    /// Bytes of an INSERT or REPLACE statement (error 1153).
    pub insert_bytes: usize,
    /// Operators one after the other in one expression (error 1436).
    pub chain: usize,
    /// Conditions joined by AND or OR, or SELECTs by UNION, one after the other (error 1436).
    pub conditions: usize,
    /// Tables joined in one SELECT (error 1116).
    pub tables: usize,
    /// Brackets, subqueries and CASEs inside each other (error 1436).
    pub nesting: usize,
    /// Bytes of rows that one statement may hold for sorting, grouping, joining or writing, and bytes of a session's user
    /// variables (error 1038).
    pub memory_bytes: usize,
    /// Bytes that all sessions may hold together (error 1041).
    pub total_memory_bytes: usize,
    /// How long a statement may run when the session sets no `max_statement_time` (error 1969); zero is no limit.
    pub statement_time: Duration,
    /// Prepared statements of one session (error 1461).
    pub prepared_statements: usize,
    /// Bytes of their texts together (error 1153).
    pub prepared_bytes: usize,
    /// How often an autocommitted statement is tried again after a conflict before the client sees error 1213.
    pub conflict_retries: usize,
    /// Plans that the cache keeps.
    pub cached_plans: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            statement_bytes: 256 * 1024,
            insert_bytes: 16 * 1024 * 1024,
            chain: 100,
            conditions: 4_000,
            tables: 16,
            nesting: 32,
            memory_bytes: 64 * 1024 * 1024,
            total_memory_bytes: 512 * 1024 * 1024,
            statement_time: Duration::from_secs(60),
            prepared_statements: 1_024,
            prepared_bytes: 16 * 1024 * 1024,
            conflict_retries: 20,
            cached_plans: 2_048,
        }
    }
}
