//! Packets in: the parameters of prepared statements.
//!
//! opensrv 0.7 reads an EXECUTE without new types one byte off, prefers NULL to long data, and panics at what it cannot
//! read. So each EXECUTE is read here first, and rewritten where opensrv would go wrong.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use mysql_common::constants::ColumnType;
use opensrv_mysql::{ParamValue, ValueInner};

use super::packet;
use crate::{
    error::{Error, Result},
    sql::{Memory, Share, system::shown, types::Value},
};

/// Bytes of EXECUTE before the parameters: the command, the statement, the cursor flags, the iterations.
const EXECUTE_HEAD: usize = 10;
/// Bytes of SEND_LONG_DATA before the data: the command, the statement, the parameter.
const LONG_DATA_HEAD: usize = 7;

/// Names the statement prepared last, in MariaDB's protocol: its clients send EXECUTE before they know the number.
const LAST_PREPARED: u32 = u32::MAX;

/// A connection's prepared statements by number.
pub(super) struct PreparedStatements {
    by_number: HashMap<u32, Prepared>,
    /// None after a PREPARE that failed.
    last: Option<u32>,
    /// The part of their long data in the memory of all.
    share: Share,
}

impl PreparedStatements {
    /// None yet; their long data are counted in `memory`.
    pub fn new(memory: &Arc<Memory>) -> Self {
        PreparedStatements { by_number: HashMap::new(), last: None, share: Share::of(memory) }
    }

    /// Takes in the outcome of a PREPARE: the statement's number and how many parameters it has, or None if it failed.
    pub fn add(&mut self, text: &str, prepared: Option<(u32, u16)>) {
        self.last = prepared.map(|(id, _)| id);
        self.by_number.extend(prepared.map(|(id, params)| (id, Prepared::new(text, params))));
    }

    /// The beginning of the statement that an EXECUTE names, for logs; empty if there is none.
    pub fn shown(&mut self, payload: &[u8]) -> &str {
        self.find(payload, "").map_or("", |(_, statement)| &statement.shown)
    }

    /// The statement that an EXECUTE, SEND_LONG_DATA or RESET names, and its number. Errors 1243 and 1835.
    pub fn find(&mut self, payload: &[u8], command: &str) -> Result<(u32, &mut Prepared)> {
        let named = statement_id(payload).ok_or(Error::MalformedPacket)?;
        let id = if named == LAST_PREPARED { self.last.unwrap_or(named) } else { named };
        let unknown = || Error::UnknownPrepared { handler: id.to_string(), command: command.to_owned() };
        self.by_number.get_mut(&id).map(|statement| (id, statement)).ok_or_else(unknown)
    }

    /// Takes in a part of a long parameter (SEND_LONG_DATA, which has no answer: what is wrong is said at EXECUTE, or never).
    /// All statements together hold at most `limit` bytes of them.
    pub fn append_long_data(&mut self, payload: &[u8], limit: usize) {
        let held: usize = self.by_number.values().map(|statement| statement.held).sum();
        let Some((head, data)) = payload.split_at_checked(LONG_DATA_HEAD) else { return };
        let is_counted = self.share.resize(held + data.len()).is_ok();
        if let Ok((_, statement)) = self.find(payload, "mysql_stmt_send_long_data") {
            let room = if is_counted { limit.saturating_sub(held) } else { 0 };
            statement.append(u16::from_le_bytes([head[5], head[6]]), data, room);
        }
    }

    /// The EXECUTE in a form that opensrv reads rightly. Errors 1210, 1243 and 1835.
    pub fn execute<'a>(&mut self, payload: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let (id, statement) = self.find(payload, "mysqld_stmt_execute")?;
        let mut command = statement.execute(payload)?;
        if statement_id(payload) != Some(id) {
            command.to_mut()[1..5].copy_from_slice(&id.to_le_bytes());
        }
        if self.share.bytes() > 0 {
            let held = self.by_number.values().map(|statement| statement.held).sum();
            // Less than before.
            let _ = self.share.resize(held);
        }
        Ok(command)
    }

    /// Whether there is a statement of this number.
    pub fn contains(&self, id: u32) -> bool {
        self.by_number.contains_key(&id)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Forgets a statement.
    pub fn remove(&mut self, id: u32) {
        self.by_number.remove(&id);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.by_number.clear();
        self.last = None;
    }
}

/// What the protocol keeps of a prepared statement between its commands.
#[derive(Default)]
pub(super) struct Prepared {
    /// The beginning of its text.
    shown: Box<str>,
    params: usize,
    /// Type and sign of each parameter as last sent; empty until then.
    types: Vec<[u8; 2]>,
    long_data: HashMap<u16, Vec<u8>>,
    /// Bytes of it.
    held: usize,
    /// More long data than allowed was sent.
    overflow: bool,
}

impl Prepared {
    /// A statement with this number of parameters.
    fn new(text: &str, params: u16) -> Self {
        Prepared { shown: shown(text).into(), params: params.into(), ..Prepared::default() }
    }

    fn append(&mut self, param: u16, data: &[u8], room: usize) {
        if usize::from(param) >= self.params || data.len() > room {
            self.reset();
            self.overflow = true;
            return;
        }
        self.held += data.len();
        self.long_data.entry(param).or_default().extend(data);
    }

    /// Forgets the long data (STMT_RESET).
    pub fn reset(&mut self) {
        self.long_data = HashMap::new();
        self.held = 0;
        self.overflow = false;
    }

    /// The EXECUTE with types always there, and long data among the values.
    fn execute<'a>(&mut self, payload: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let long_data = std::mem::take(&mut self.long_data);
        self.held = 0;
        if std::mem::take(&mut self.overflow) {
            return Err(Error::WrongArguments("COM_STMT_SEND_LONG_DATA".to_owned()));
        }
        let malformed = || Error::WrongArguments("mysqld_stmt_execute".to_owned());
        let (head, rest) = payload.split_at_checked(EXECUTE_HEAD).ok_or_else(malformed)?;
        if self.params == 0 {
            return Ok(Cow::Borrowed(head));
        }
        let (nulls, rest) = rest.split_at_checked(self.params.div_ceil(8)).ok_or_else(malformed)?;
        let (&has_types, rest) = rest.split_first().ok_or_else(malformed)?;
        let mut values = rest;
        if has_types != 0 {
            let (types, rest) = rest.split_at_checked(2 * self.params).ok_or_else(malformed)?;
            self.types = types.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
            values = rest;
        }
        if self.types.len() != self.params {
            return Err(malformed());
        }
        let mut nulls = nulls.to_vec();
        let mut types = self.types.clone();
        let mut rewritten = Vec::new();
        for (position, kind) in types.iter_mut().enumerate() {
            let (byte, bit) = (position / 8, 1 << (position % 8));
            let number = u16::try_from(position).map_err(|_| malformed())?;
            if let Some(data) = long_data.get(&number) {
                nulls[byte] &= !bit;
                if !is_string(kind[0]) {
                    *kind = [ColumnType::MYSQL_TYPE_LONG_BLOB as u8, 0];
                }
                packet::put_string(&mut rewritten, data);
            } else if nulls[byte] & bit == 0 {
                let length = value_length(kind[0], values).ok_or_else(malformed)?;
                let (value, rest) = values.split_at_checked(length).ok_or_else(malformed)?;
                rewritten.extend(value);
                values = rest;
            } else if !is_known(kind[0]) {
                return Err(malformed());
            }
        }
        if has_types != 0 && long_data.is_empty() {
            return Ok(Cow::Borrowed(payload));
        }
        let mut out = head.to_vec();
        out.extend(nulls);
        out.push(1);
        out.extend(types.iter().flatten());
        out.extend(rewritten);
        Ok(Cow::Owned(out))
    }
}

/// The number of a statement in an EXECUTE, SEND_LONG_DATA, RESET or CLOSE.
pub(super) fn statement_id(payload: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(payload.get(1..5)?.try_into().ok()?))
}

fn is_string(kind: u8) -> bool {
    use ColumnType::{
        MYSQL_TYPE_BIT, MYSQL_TYPE_BLOB, MYSQL_TYPE_DECIMAL, MYSQL_TYPE_ENUM, MYSQL_TYPE_GEOMETRY,
        MYSQL_TYPE_JSON, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_NEWDECIMAL, MYSQL_TYPE_SET,
        MYSQL_TYPE_STRING, MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_VARCHAR,
    };
    [
        MYSQL_TYPE_BIT,
        MYSQL_TYPE_BLOB,
        MYSQL_TYPE_DECIMAL,
        MYSQL_TYPE_ENUM,
        MYSQL_TYPE_GEOMETRY,
        MYSQL_TYPE_JSON,
        MYSQL_TYPE_LONG_BLOB,
        MYSQL_TYPE_MEDIUM_BLOB,
        MYSQL_TYPE_NEWDECIMAL,
        MYSQL_TYPE_SET,
        MYSQL_TYPE_STRING,
        MYSQL_TYPE_TINY_BLOB,
        MYSQL_TYPE_VAR_STRING,
        MYSQL_TYPE_VARCHAR,
    ]
    .iter()
    .any(|known| *known as u8 == kind)
}

fn is_known(kind: u8) -> bool {
    value_length(kind, &[0; 8]).is_some()
}

/// How many bytes the first value of this type takes; None if the type or the value is not one.
fn value_length(kind: u8, input: &[u8]) -> Option<usize> {
    if is_string(kind) {
        let mut rest = input;
        let length = usize::try_from(packet::take_length(&mut rest)?).ok()?;
        return (input.len() - rest.len()).checked_add(length);
    }
    use ColumnType::{
        MYSQL_TYPE_DATE, MYSQL_TYPE_DATETIME, MYSQL_TYPE_DOUBLE, MYSQL_TYPE_FLOAT, MYSQL_TYPE_INT24,
        MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_NULL, MYSQL_TYPE_SHORT, MYSQL_TYPE_TIME,
        MYSQL_TYPE_TIMESTAMP, MYSQL_TYPE_TINY, MYSQL_TYPE_YEAR,
    };
    let prefixed = |allowed: &[u8]| {
        let length = input.first()?;
        allowed.contains(length).then(|| 1 + usize::from(*length))
    };
    match ColumnType::try_from(kind).ok()? {
        MYSQL_TYPE_NULL => Some(0),
        MYSQL_TYPE_TINY => Some(1),
        MYSQL_TYPE_SHORT | MYSQL_TYPE_YEAR => Some(2),
        MYSQL_TYPE_LONG | MYSQL_TYPE_INT24 | MYSQL_TYPE_FLOAT => Some(4),
        MYSQL_TYPE_LONGLONG | MYSQL_TYPE_DOUBLE => Some(8),
        MYSQL_TYPE_DATE | MYSQL_TYPE_DATETIME | MYSQL_TYPE_TIMESTAMP => prefixed(&[0, 4, 7, 11]),
        MYSQL_TYPE_TIME => prefixed(&[0, 8, 12]),
        _ => None,
    }
}

/// A parameter's value as the engine takes it. Error 1367 for a DOUBLE that is no number: SQL has none such.
pub(super) fn param_value(param: &ParamValue<'_>) -> Result<Value> {
    Ok(match param.value.into_inner() {
        ValueInner::NULL => Value::Null,
        ValueInner::Int(number) => Value::Int(number),
        ValueInner::UInt(number) => Value::UInt(number),
        ValueInner::Double(number) if !number.is_finite() => {
            return Err(Error::IllegalDouble(number.to_string()));
        }
        ValueInner::Double(number) => Value::Double(number),
        ValueInner::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !is_blob(param.coltype) => Value::text(text),
            _ => Value::Bytes(bytes.into()),
        },
        ValueInner::Date(bytes) => date_value(bytes, false),
        ValueInner::Datetime(bytes) => date_value(bytes, true),
        ValueInner::Time(bytes) => time_value(bytes),
    })
}

fn is_blob(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::MYSQL_TYPE_TINY_BLOB
            | ColumnType::MYSQL_TYPE_BLOB
            | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
            | ColumnType::MYSQL_TYPE_LONG_BLOB
    )
}

/// The bytes of a date or time, with zeros for what was left out.
fn padded(bytes: &[u8]) -> [u8; 12] {
    let mut all = [0; 12];
    let length = bytes.len().min(all.len());
    all[..length].copy_from_slice(&bytes[..length]);
    all
}

/// A day or moment. One that no calendar has, such as `0000-00-00`, is handed on as the text it would print as, so that
/// the engine judges it as it judges literals.
fn date_value(bytes: &[u8], with_time: bool) -> Value {
    let b = padded(bytes);
    let (year, month, day) = (u16::from_le_bytes([b[0], b[1]]), b[2], b[3]);
    let (hour, minute, second) = (b[4], b[5], b[6]);
    let microseconds = u32::from_le_bytes([b[7], b[8], b[9], b[10]]);
    let date = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into());
    let time = NaiveTime::from_hms_micro_opt(hour.into(), minute.into(), second.into(), microseconds);
    match (date, time, with_time) {
        (Some(date), _, false) => Value::Date(date),
        (Some(date), Some(time), true) => Value::DateTime(date.and_time(time)),
        (_, _, false) => Value::text(format!("{year:04}-{month:02}-{day:02}")),
        _ => Value::text(format!(
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{microseconds:06}"
        )),
    }
}

fn time_value(bytes: &[u8]) -> Value {
    let b = padded(bytes);
    let days = u32::from_le_bytes([b[1], b[2], b[3], b[4]]);
    let microseconds = u32::from_le_bytes([b[8], b[9], b[10], b[11]]);
    let seconds = i64::from(days) * 86_400 + i64::from(b[5]) * 3_600 + i64::from(b[6]) * 60 + i64::from(b[7]);
    let span = TimeDelta::seconds(seconds) + TimeDelta::microseconds(microseconds.into());
    Value::Time(if b[0] == 0 { span } else { -span })
}
