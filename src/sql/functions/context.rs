//! What a function may know besides its arguments.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, Utc};
use parking_lot::Mutex;

use super::random::Random;
use crate::sql::types::{Converter, Warnings};

/// Default bound, in bytes, on the result of a function (MariaDB's max_allowed_packet).
pub const DEFAULT_MAX_RESULT_BYTES: u64 = 16 * 1024 * 1024;
/// Default bound, in bytes, on the result of GROUP_CONCAT (MariaDB's group_concat_max_len).
pub const DEFAULT_GROUP_CONCAT_BYTES: usize = 1024 * 1024;
/// How many more decimals a quotient has than its dividend (MariaDB's div_precision_increment).
pub const DIVISION_INCREMENT: u8 = 4;

/// One statement's surroundings. Functions see the world through it alone.
#[derive(Debug)]
pub struct EvalContext {
    /// The moment at which the statement began; NOW() throughout it.
    pub now: DateTime<Utc>,
    /// The session's time zone.
    pub time_zone: FixedOffset,
    /// The current database.
    pub database: Option<Arc<str>>,
    /// `user@host`, as USER() shows it.
    pub user: Arc<str>,
    /// VERSION().
    pub version: Arc<str>,
    /// CONNECTION_ID().
    pub connection_id: u32,
    /// LAST_INSERT_ID().
    pub last_insert_id: u64,
    /// FOUND_ROWS().
    pub found_rows: u64,
    /// ROW_COUNT().
    pub row_count: i64,
    /// Most bytes of a function's result; a longer one is NULL with warning 1301.
    pub max_result_bytes: u64,
    /// Most bytes of a GROUP_CONCAT; a longer one is cut with warning 1260.
    pub group_concat_bytes: usize,
    /// What the statement remarks.
    pub warnings: Warnings,
    /// The generators of RAND(N), by the address of the call: each call in the statement has its own.
    pub(super) generators: Mutex<HashMap<usize, Random>>,
}

impl EvalContext {
    /// A statement that begins at `now`, in UTC, with nothing else known.
    pub fn new(now: DateTime<Utc>) -> Self {
        EvalContext {
            now,
            time_zone: Utc.fix(),
            database: None,
            user: Arc::default(),
            version: Arc::default(),
            connection_id: 0,
            last_insert_id: 0,
            found_rows: 0,
            row_count: 0,
            max_result_bytes: DEFAULT_MAX_RESULT_BYTES,
            group_concat_bytes: DEFAULT_GROUP_CONCAT_BYTES,
            warnings: Warnings::default(),
            generators: Mutex::default(),
        }
    }

    /// The statement's moment in the session's time zone.
    pub fn local_now(&self) -> NaiveDateTime {
        self.now.with_timezone(&self.time_zone).naive_local()
    }

    /// Converts values for this statement.
    pub fn converter(&self) -> Converter<'_> {
        Converter { warnings: &self.warnings, today: self.local_now().date() }
    }
}
