//! Plans by the shape of their statements.

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use parking_lot::Mutex;

use super::{
    plan::Plan,
    types::{DataType, ExprType, Value, literal_type},
};

/// Bytes of keys, which are the statements' texts, that the cache keeps. A plan may take some hundred times as much as its
/// text, most take much less.
const MAX_KEY_BYTES: usize = 1024 * 1024;
/// Bytes of the longest of them: longer statements are planned each time.
const MAX_ONE_KEY_BYTES: usize = 8 * 1024;

/// Keeps the plans that were used last.
pub(super) struct PlanCache(Mutex<State>);

struct State {
    plans: LruCache<Box<[u8]>, Entry>,
    /// Of all keys.
    key_bytes: usize,
}

struct Entry {
    catalog_version: u64,
    plan: Arc<Plan>,
}

impl PlanCache {
    /// A cache of at most so many plans.
    pub(super) fn new(capacity: usize) -> Self {
        let plans = LruCache::new(NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN));
        PlanCache(Mutex::new(State { plans, key_bytes: 0 }))
    }

    /// The plan of this key, if it was made for these tables.
    pub(super) fn get(&self, key: &[u8], catalog_version: u64) -> Option<Arc<Plan>> {
        let mut state = self.0.lock();
        let entry = state.plans.get(key)?;
        (entry.catalog_version == catalog_version).then(|| Arc::clone(&entry.plan))
    }

    /// Keeps a plan, unless its key is too long.
    pub(super) fn put(&self, key: Vec<u8>, catalog_version: u64, plan: &Arc<Plan>) {
        if key.len() > MAX_ONE_KEY_BYTES {
            return;
        }
        let mut state = self.0.lock();
        state.key_bytes += key.len();
        if let Some((old, _)) =
            state.plans.push(key.into(), Entry { catalog_version, plan: Arc::clone(plan) })
        {
            state.key_bytes -= old.len();
        }
        while state.key_bytes > MAX_KEY_BYTES
            && let Some((old, _)) = state.plans.pop_lru()
        {
            state.key_bytes -= old.len();
        }
    }
}

/// The type that a plan assumes of a parameter. Lengths are left out of it, so that one plan serves all of them.
pub(super) fn param_type(value: &Value) -> ExprType {
    /// Characters that a text is assumed to have.
    const TEXT: u32 = 1024;
    /// Digits that a DECIMAL is assumed to have before the point.
    const DIGITS: u32 = 27;
    match value {
        Value::Null => ExprType::new(DataType::Null),
        Value::Int(_) => ExprType::bigint(20, false),
        Value::UInt(_) => ExprType::bigint(20, true),
        Value::Text(_) => ExprType::text(TEXT),
        Value::Bytes(_) => ExprType::bytes(TEXT),
        Value::Decimal(_) => {
            let scale = literal_type(value).decimals;
            ExprType::decimal(DIGITS + u32::from(scale), scale)
        }
        value => ExprType::new(value.natural_type()),
    }
}

/// Appends what of a parameter decides on the plan.
pub(super) fn write_kind(key: &mut Vec<u8>, value: &Value) {
    key.push(match value {
        Value::Null => b'n',
        Value::Int(_) => b'i',
        Value::UInt(_) => b'u',
        Value::Decimal(_) => b'd',
        Value::Double(_) => b'f',
        Value::Text(_) => b't',
        Value::Bytes(_) => b'b',
        Value::Date(_) => b'D',
        Value::Time(_) => b'T',
        Value::DateTime(_) => b'M',
    });
    match value {
        Value::Decimal(_) | Value::Time(_) | Value::DateTime(_) => key.push(param_type(value).decimals),
        _ => {}
    }
}
