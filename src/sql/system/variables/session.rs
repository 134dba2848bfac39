//! A session's values of the variables.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, FixedOffset, Utc};

use super::{Access, Fact, GlobalVariables, Id, Initial, LIST, Reach, SqlMode, Variable, find, id, slot};
use crate::{
    error::{Error, Result},
    sql::{
        Encryption,
        parse::ast::Scope,
        system::{
            character_sets::{self, Collation},
            time_zone,
        },
        types::{Value, Warnings},
    },
};

/// A session's values: the server's at its beginning, and what it changed. An idle session that changed nothing holds
/// no more than pointers.
#[derive(Clone, Debug)]
pub struct SessionVariables {
    globals: Arc<GlobalVariables>,
    base: Arc<[Value]>,
    changed: Vec<(Id, Value)>,
}

/// What only the session knows and some variables tell.
#[derive(Clone, Copy, Debug)]
pub struct SessionFacts {
    /// The connection's number.
    pub connection_id: u32,
    /// LAST_INSERT_ID().
    pub last_insert_id: u64,
    /// Errors, warnings and notes of the last statement.
    pub warnings: u64,
    /// Errors of the last statement.
    pub errors: u64,
    /// A transaction is open.
    pub in_transaction: bool,
    /// How the connection is encrypted, if it is.
    pub encryption: Option<Encryption>,
    /// The statement's moment.
    pub now: DateTime<Utc>,
}

impl SessionVariables {
    /// The server's values of this moment.
    pub fn new(globals: &Arc<GlobalVariables>) -> Self {
        SessionVariables { globals: Arc::clone(globals), base: globals.current(), changed: Vec::new() }
    }

    /// Forgets what was changed (COM_RESET_CONNECTION).
    pub fn reset(&mut self) {
        self.base = self.globals.current();
        self.changed = Vec::new();
    }

    /// `@@name`. Error 1193, and 1238 for a scope that the variable does not have.
    pub fn read(&self, scope: Scope, name: &str, facts: &SessionFacts) -> Result<Value> {
        let id = find(name).ok_or_else(|| Error::UnknownVariable(name.to_owned()))?;
        let wrong_scope = |scope| Error::VariableScope { variable: name.to_owned(), scope };
        match (scope, LIST[id].reach) {
            (Scope::Global, Reach::Session) => return Err(wrong_scope("SESSION")),
            (Scope::Session, Reach::Global) => return Err(wrong_scope("GLOBAL")),
            _ => {}
        }
        Ok(LIST[id].kind.shown(&self.held(scope, id, facts)))
    }

    /// Name and text of every variable that has a value in the scope, in the order of names: SHOW VARIABLES. NULL is an
    /// empty text there.
    pub fn list<'a>(
        &'a self,
        scope: Scope,
        facts: &'a SessionFacts,
    ) -> impl Iterator<Item = (&'static str, String)> + 'a {
        LIST.iter()
            .enumerate()
            .filter(move |(_, variable)| scope != Scope::Global || variable.reach != Reach::Session)
            .map(move |(id, variable)| {
                let text = variable.kind.text(&self.held(scope, id, facts)).unwrap_or_default();
                (variable.name, text)
            })
    }

    /// SET SESSION; no value is DEFAULT, which is the server's value. Errors 1193, 1229, 1238, 1621, 1231, 1232, and those
    /// of names of character sets, collations and time zones.
    pub fn set(&mut self, name: &str, value: Option<&Value>, warnings: &Warnings) -> Result<()> {
        let id = find(name).ok_or_else(|| Error::UnknownVariable(name.to_owned()))?;
        let variable = &LIST[id];
        match (variable.access, variable.reach) {
            (Access::ReadOnly, _) => return Err(Error::ReadOnlyVariable(name.to_owned())),
            (_, Reach::Global) => return Err(Error::GlobalVariable(name.to_owned())),
            (Access::GlobalOnly, _) => return Err(Error::ReadOnlyInSession(name.to_owned())),
            (Access::All, _) => {}
        }
        let slot = slot(id);
        let value = match value {
            Some(value) => variable.kind.accept(variable.name, value, warnings)?,
            None => self.globals.current()[slot].clone(),
        };
        self.store(slot, value);
        Ok(())
    }

    /// SET NAMES, with no name for DEFAULT. Errors 1115, 1253, 1273.
    pub fn set_names(&mut self, character_set: Option<&str>, collation: Option<&str>) -> Result<()> {
        let collation = match character_set {
            Some(name) => character_sets::names(name, collation)?,
            None => self.collation_of(const { id("collation_server") }),
        };
        let default = character_sets::character_set_by_name(collation.character_set.name)?;
        self.store(const { id("character_set_client") }, Value::UInt(default.id.into()));
        self.store(const { id("character_set_results") }, Value::UInt(default.id.into()));
        self.store(const { id("collation_connection") }, Value::UInt(collation.id.into()));
        Ok(())
    }

    /// SET CHARACTER SET: as SET NAMES, but the connection's collation is that of the database. Error 1115.
    pub fn set_character_set(&mut self, character_set: Option<&str>) -> Result<()> {
        self.set_names(character_set, None)?;
        self.store(
            const { id("collation_connection") },
            self.held_in(const { id("collation_database") }).clone(),
        );
        Ok(())
    }

    /// Each statement outside of a transaction commits by itself.
    pub fn autocommit(&self) -> bool {
        self.number(const { id("autocommit") }) != 0
    }

    /// What rows name must exist.
    pub fn foreign_key_checks(&self) -> bool {
        self.number(const { id("foreign_key_checks") }) != 0
    }

    /// Transactions begin READ ONLY.
    pub fn read_only(&self) -> bool {
        self.number(const { id("tx_read_only") }) != 0
    }

    /// The words of `sql_mode`.
    pub fn sql_mode(&self) -> SqlMode {
        SqlMode::new(self.number(const { id("sql_mode") }))
    }

    /// The zone in which moments are shown and read.
    pub fn time_zone(&self) -> FixedOffset {
        match self.held_in(const { id("time_zone") }) {
            Value::Text(name) => time_zone::offset(name),
            _ => time_zone::offset(""),
        }
    }

    /// The moment that NOW() tells instead of the present one, if the session has set one.
    pub fn timestamp(&self) -> Option<DateTime<Utc>> {
        /// Microseconds of a second.
        const MICROS: f64 = 1e6;
        let seconds = self.real(const { id("timestamp") });
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^31 seconds")]
        let micros = (seconds * MICROS).round() as i64;
        if micros == 0 { None } else { DateTime::from_timestamp_micros(micros) }
    }

    /// Most rows of a SELECT without LIMIT; None for no limit.
    pub fn select_limit(&self) -> Option<u64> {
        Some(self.number(const { id("sql_select_limit") })).filter(|&limit| limit != u64::MAX)
    }

    /// How long a statement may run; None for no limit.
    pub fn max_statement_time(&self) -> Option<Duration> {
        Some(Duration::from_secs_f64(self.real(const { id("max_statement_time") })))
            .filter(|time| !time.is_zero())
    }

    /// Most bytes of a GROUP_CONCAT.
    pub fn group_concat_max_len(&self) -> usize {
        usize::try_from(self.number(const { id("group_concat_max_len") })).unwrap_or(usize::MAX)
    }

    /// Most bytes of a function's result.
    pub fn max_allowed_packet(&self) -> u64 {
        self.number(const { id("max_allowed_packet") })
    }

    /// How long the connection may be idle.
    pub fn wait_timeout(&self) -> Duration {
        Duration::from_secs(self.number(const { id("wait_timeout") }))
    }

    /// Whether notes are kept as warnings (`sql_notes`).
    pub fn notes(&self) -> bool {
        self.number(const { id("sql_notes") }) != 0
    }

    fn held(&self, scope: Scope, id: Id, facts: &SessionFacts) -> Value {
        let Variable { initial, reach, .. } = LIST[id];
        let slot = slot(id);
        match initial {
            Initial::Fact(fact) => self.fact(fact, facts),
            _ if scope == Scope::Global || reach == Reach::Global => self.globals.current()[slot].clone(),
            _ => self.held_in(slot).clone(),
        }
    }

    fn fact(&self, fact: Fact, facts: &SessionFacts) -> Value {
        match fact {
            Fact::ConnectionId => Value::UInt(facts.connection_id.into()),
            Fact::LastInsertId => Value::UInt(facts.last_insert_id),
            Fact::WarningCount => Value::UInt(facts.warnings),
            Fact::ErrorCount => Value::UInt(facts.errors),
            Fact::InTransaction => Value::UInt(facts.in_transaction.into()),
            Fact::Timestamp => {
                let moment = self.timestamp().unwrap_or(facts.now);
                Value::Double(
                    Duration::from_micros(u64::try_from(moment.timestamp_micros()).unwrap_or(0))
                        .as_secs_f64(),
                )
            }
        }
    }

    /// A session's value by its position.
    fn held_in(&self, slot: Id) -> &Value {
        match self.changed.binary_search_by_key(&slot, |(changed, _)| *changed) {
            Ok(at) => &self.changed[at].1,
            Err(_) => &self.base[slot],
        }
    }

    fn store(&mut self, slot: Id, value: Value) {
        let place = self.changed.binary_search_by_key(&slot, |(changed, _)| *changed);
        match (place, value == self.base[slot]) {
            (Ok(at), true) => drop(self.changed.remove(at)),
            (Ok(at), false) => self.changed[at].1 = value,
            (Err(_), true) => {}
            (Err(at), false) => self.changed.insert(at, (slot, value)),
        }
    }

    fn number(&self, slot: Id) -> u64 {
        match self.held_in(slot) {
            Value::UInt(number) => *number,
            _ => 0,
        }
    }

    fn real(&self, slot: Id) -> f64 {
        match self.held_in(slot) {
            Value::Double(number) => *number,
            _ => 0.0,
        }
    }

    fn collation_of(&self, slot: Id) -> &'static Collation {
        let known = u16::try_from(self.number(slot)).ok().and_then(character_sets::collation_by_id);
        known.unwrap_or_else(character_sets::utf8mb4_bin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Limits;

    fn session() -> SessionVariables {
        SessionVariables::new(&Arc::new(GlobalVariables::new(&Limits::default())))
    }

    fn facts() -> SessionFacts {
        SessionFacts {
            connection_id: 7,
            last_insert_id: 8,
            warnings: 2,
            errors: 1,
            in_transaction: false,
            encryption: None,
            now: DateTime::UNIX_EPOCH,
        }
    }

    fn set(session: &mut SessionVariables, name: &str, value: &Value) -> Result<u64> {
        let warnings = Warnings::default();
        session.set(name, Some(value), &warnings).map(|()| warnings.count())
    }

    fn read(session: &SessionVariables, name: &str) -> Value {
        session.read(Scope::Any, name, &facts()).unwrap()
    }

    fn code(result: Result<u64>) -> u16 {
        result.unwrap_err().codes().0
    }

    #[test]
    fn values_look_as_mariadb_shows_them() {
        let mut session = session();
        assert_eq!(read(&session, "autocommit"), Value::Int(1));
        assert_eq!(read(&session, "TX_ISOLATION"), Value::text("REPEATABLE-READ"));
        assert_eq!(read(&session, "warning_count"), Value::UInt(2));
        assert_eq!(read(&session, "pseudo_thread_id"), Value::UInt(7));
        assert_eq!(read(&session, "character_set_client"), Value::text("utf8mb4"));
        set(&mut session, "max_statement_time", &Value::Double(1.5)).unwrap();
        let shown =
            |name| session.list(Scope::Session, &facts()).find(|(other, _)| *other == name).unwrap().1;
        assert_eq!(shown("autocommit"), "ON");
        assert_eq!(shown("max_statement_time"), "1.500000");
        assert_eq!(shown("external_user"), "");
    }

    #[test]
    fn errors_are_those_of_mariadb() {
        let mut session = session();
        let one = Value::Int(1);
        for (name, value, expected) in [
            ("nope", one.clone(), 1193),
            ("version", Value::text("x"), 1238),
            ("in_transaction", one.clone(), 1238),
            ("max_connections", one.clone(), 1238),
            ("init_connect", Value::text("x"), 1229),
            ("max_allowed_packet", one, 1621),
            ("autocommit", Value::Int(7), 1231),
            ("autocommit", Value::Null, 1231),
            ("autocommit", Value::text("x"), 1231),
            ("autocommit", Value::Double(1.0), 1232),
            ("wait_timeout", Value::text("abc"), 1232),
            ("wait_timeout", Value::Null, 1232),
            ("group_concat_max_len", Value::Double(1.5), 1232),
            ("max_statement_time", Value::text("1"), 1232),
            ("sql_mode", Value::text("FOO"), 1231),
            ("tx_isolation", Value::text("foo"), 1231),
            ("tx_isolation", Value::Int(9), 1231),
            ("character_set_client", Value::Null, 1231),
            ("character_set_client", Value::text("klingon"), 1115),
            ("character_set_results", Value::text("klingon"), 1115),
            ("collation_connection", Value::text("klingon"), 1273),
            ("time_zone", Value::text("Europe/Berlin"), 1298),
            ("time_zone", Value::Int(5), 1232),
            ("optimizer_switch", Value::text("x".repeat(5_000)), 1231),
        ] {
            assert_eq!(code(set(&mut session, name, &value)), expected, "{name} = {value:?}");
        }
        assert_eq!(session.read(Scope::Global, "warning_count", &facts()).unwrap_err().codes().0, 1238);
        assert_eq!(session.read(Scope::Session, "port", &facts()).unwrap_err().codes().0, 1238);
        assert!(session.changed.is_empty());
    }

    #[test]
    fn numbers_out_of_range_are_moved_into_it_with_a_warning() {
        let mut session = session();
        for (name, value, expected) in [
            ("wait_timeout", Value::Int(-5), Value::UInt(1)),
            ("wait_timeout", Value::Int(99_999_999_999), Value::UInt(31_536_000)),
            ("div_precision_increment", Value::UInt(99), Value::UInt(38)),
            ("max_statement_time", Value::Int(-1), Value::Double(0.0)),
        ] {
            assert_eq!(set(&mut session, name, &value).unwrap(), 1, "{name} = {value:?}");
            assert_eq!(read(&session, name), expected);
        }
    }

    #[test]
    fn set_names_sets_what_hangs_together() {
        let mut session = session();
        session.set_names(Some("utf8"), None).unwrap();
        assert_eq!(read(&session, "character_set_client"), Value::text("utf8mb3"));
        assert_eq!(read(&session, "collation_connection"), Value::text("utf8mb3_general_ci"));
        set(&mut session, "character_set_connection", &Value::text("latin1")).unwrap();
        assert_eq!(read(&session, "collation_connection"), Value::text("latin1_swedish_ci"));
        set(&mut session, "character_set_results", &Value::Null).unwrap();
        assert_eq!(read(&session, "character_set_results"), Value::Null);
        session.set_character_set(Some("utf8mb4")).unwrap();
        assert_eq!(read(&session, "collation_connection"), Value::text("utf8mb4_bin"));
        session.set_names(None, None).unwrap();
        assert_eq!(read(&session, "character_set_results"), Value::text("utf8mb4"));
    }

    #[test]
    fn default_is_the_value_of_the_server() {
        let globals = Arc::new(GlobalVariables::new(&Limits::default()));
        let mut session = SessionVariables::new(&globals);
        globals.set("wait_timeout", Some(&Value::Int(60)), &Warnings::default()).unwrap();
        assert_eq!(read(&session, "wait_timeout"), Value::UInt(28_800), "a session keeps what it began with");
        session.set("wait_timeout", None, &Warnings::default()).unwrap();
        assert_eq!(read(&session, "wait_timeout"), Value::UInt(60));
        globals.set("wait_timeout", None, &Warnings::default()).unwrap();
        session.reset();
        assert_eq!(session.wait_timeout(), Duration::from_secs(28_800));
        assert!(session.changed.is_empty(), "nothing is kept of what was put back");
        assert_eq!(globals.set("timestamp", None, &Warnings::default()).unwrap_err().codes().0, 1228);
        globals.configure("port", &Value::Int(3307)).unwrap();
        assert_eq!(read(&session, "port"), Value::UInt(3307));
    }

    #[test]
    fn a_session_may_set_its_clock() {
        let mut session = session();
        assert_eq!(session.timestamp(), None);
        set(&mut session, "timestamp", &Value::Double(1.5)).unwrap();
        assert_eq!(session.timestamp(), DateTime::from_timestamp_millis(1_500));
        session.set("timestamp", None, &Warnings::default()).unwrap();
        assert_eq!(session.timestamp(), None);
    }
}
