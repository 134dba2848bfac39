//! The tables over a real store.

use std::{fs, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;

use super::*;
use crate::{
    error::Error,
    sql::{
        KeyRange,
        types::{ColumnDefault, Row, Value},
    },
};

const TENANT: Tenant = 15;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn options() -> Options {
    Options { disk_reserve: 0, disk_warning: 0, ..Options::default() }
}

struct Fixture {
    folder: tempfile::TempDir,
    database: Database,
}

impl Fixture {
    fn new() -> Self {
        Fixture::with(Arc::new(NoNodes))
    }

    fn with(nodes: Arc<dyn MediaNodes>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), options(), nodes).unwrap();
        Fixture { folder, database }
    }

    fn begin(&self, tenant: Tenant) -> Box<dyn Transaction> {
        self.database.begin(tenant, now()).unwrap()
    }

    fn schema(&self, table: &str) -> Arc<TableSchema> {
        self.database.table(table).unwrap()
    }

    /// A row with these columns and the defaults of the others.
    fn row(&self, table: &str, values: &[(&str, Value)]) -> Row {
        let schema = self.schema(table);
        let columns = schema.columns.iter().map(|column| {
            let given = values.iter().find(|(name, _)| *name == column.name).map(|(_, value)| value.clone());
            given.unwrap_or_else(|| match &column.default {
                ColumnDefault::Value(value) => value.clone(),
                _ => Value::text(""),
            })
        });
        columns.collect()
    }

    fn invitation(&self, name: &str, user: u64) -> Row {
        self.row("conference", &[("name", Value::text(name)), ("user_id", Value::UInt(user))])
    }

    fn put(&self, table: &str, row: Row) -> Result<()> {
        let mut transaction = self.begin(TENANT);
        transaction.put(&self.schema(table), None, row)?;
        pollster::block_on(transaction.commit()).map(drop)
    }

    fn users(&self, transaction: &dyn Transaction, index: u8, range: &KeyRange, reverse: bool) -> Vec<u64> {
        let rows = transaction.scan(&self.schema("conference"), index, range, reverse).unwrap();
        rows.map(|row| match row.unwrap()[1] {
            Value::UInt(user) => user,
            ref other => panic!("{other:?}"),
        })
        .collect()
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.database.check(&mut |finding| findings.push(finding)).unwrap();
        findings
    }
}

#[test]
fn a_committed_row_is_there_after_opening_again() {
    let Fixture { folder, database } = {
        let fixture = Fixture::new();
        fixture.put("conference", fixture.invitation("101", 7)).unwrap();
        fixture
    };
    database.close();
    drop(database);
    let database = Database::open(folder.path(), options(), Arc::new(NoNodes)).unwrap();
    let fixture = Fixture { folder, database };
    let key = [Value::text("101"), Value::UInt(7)];
    let row = fixture.begin(TENANT).get(&fixture.schema("conference"), &key).unwrap();
    assert_eq!(row, Some(fixture.invitation("101", 7)));
    assert!(fixture.findings().is_empty());
}

#[test]
fn tenants_do_not_see_each_other() {
    let fixture = Fixture::new();
    fixture.put("conference", fixture.invitation("101", 7)).unwrap();
    let other = fixture.begin(16);
    assert_eq!(fixture.users(&*other, 0, &KeyRange::all(), false), [] as [u64; 0]);
    assert_eq!(other.count(&fixture.schema("conference"), 1, &KeyRange::all()).unwrap(), 0);
    assert_eq!(fixture.database.tenants(&fixture.schema("conference")).unwrap(), [TENANT]);
}

#[test]
fn a_transaction_sees_its_own_writes_and_can_take_them_back() {
    let fixture = Fixture::new();
    let schema = fixture.schema("conference");
    for user in [3, 5] {
        fixture.put("conference", fixture.invitation("101", user)).unwrap();
    }
    let mut transaction = fixture.begin(TENANT);
    let room = KeyRange::prefix(vec![Value::text("101")]);
    transaction.put(&schema, None, fixture.invitation("101", 4)).unwrap();
    transaction.delete(&schema, &fixture.invitation("101", 5)).unwrap();
    let savepoint = transaction.savepoint();
    transaction.put(&schema, Some(&fixture.invitation("101", 3)), fixture.invitation("101", 9)).unwrap();
    assert_eq!(fixture.users(&*transaction, 0, &room, false), [4, 9]);
    assert_eq!(fixture.users(&*transaction, 0, &room, true), [9, 4]);
    assert_eq!(fixture.users(&*transaction, 1, &KeyRange::all(), false), [4, 9]);
    transaction.rollback_to(savepoint);
    assert_eq!(fixture.users(&*transaction, 0, &room, false), [3, 4]);
    assert_eq!(transaction.count(&schema, 0, &room).unwrap(), 2);
    assert_eq!(fixture.users(&*fixture.begin(TENANT), 0, &room, false), [3, 5], "not committed yet");
    pollster::block_on(transaction.commit()).unwrap();
    assert_eq!(fixture.users(&*fixture.begin(TENANT), 1, &KeyRange::all(), false), [3, 4]);
    assert!(fixture.findings().is_empty());
}

#[test]
fn of_two_transactions_that_write_a_row_the_second_fails() {
    let fixture = Fixture::new();
    let schema = fixture.schema("conference");
    let (mut first, mut second) = (fixture.begin(TENANT), fixture.begin(TENANT));
    first.put(&schema, None, fixture.invitation("101", 7)).unwrap();
    second.put(&schema, None, fixture.invitation("101", 7)).unwrap();
    second.put(&schema, None, fixture.invitation("102", 7)).unwrap();
    pollster::block_on(first.commit()).unwrap();
    assert_eq!(pollster::block_on(second.commit()).err(), Some(Error::Conflict));
    assert_eq!(fixture.begin(TENANT).count(&schema, 0, &KeyRange::all()).unwrap(), 1);
}

#[test]
fn ranges_take_in_what_they_name() {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let fixture = Fixture::new();
    for user in 1..=9 {
        fixture.put("conference", fixture.invitation(if user < 5 { "101" } else { "102" }, user)).unwrap();
    }
    let transaction = fixture.begin(TENANT);
    let room = |name: &str| vec![Value::text(name)];
    let member = |name: &str, user| vec![Value::text(name), Value::UInt(user)];
    let range = |lower, upper| fixture.users(&*transaction, 0, &KeyRange { lower, upper }, false);
    assert_eq!(range(Included(room("102")), Unbounded), [5, 6, 7, 8, 9]);
    assert_eq!(range(Excluded(room("101")), Included(member("102", 6))), [5, 6]);
    assert_eq!(range(Excluded(member("101", 3)), Excluded(room("102"))), [4]);
    assert_eq!(range(Included(room("102")), Excluded(room("102"))), [] as [u64; 0]);
    assert_eq!(fixture.users(&*transaction, 1, &KeyRange::prefix(vec![Value::UInt(6)]), false), [6]);
    assert_eq!(fixture.users(&*transaction, 0, &KeyRange::prefix(room("101 ")), true), [4, 3, 2, 1]);
}

#[test]
fn changing_a_primary_key_to_a_taken_one_is_refused() {
    let fixture = Fixture::new();
    for user in [3, 5] {
        fixture.put("conference", fixture.invitation("101", user)).unwrap();
    }
    let mut transaction = fixture.begin(TENANT);
    let (old, new) = (fixture.invitation("101", 3), fixture.invitation("101", 5));
    let refused = transaction.put(&fixture.schema("conference"), Some(&old), new);
    assert_eq!(refused, Err(Error::DuplicateKey { entry: "101-5".into(), key: "PRIMARY".into() }));
}

#[test]
fn the_operators_tables_are_nobody_elses() {
    let fixture = Fixture::new();
    let schema = fixture.schema("dev_config");
    let unknown = fixture.begin(TENANT).scan(&schema, 0, &KeyRange::all(), false).err();
    assert!(matches!(unknown, Some(Error::UnknownTable { .. })), "{unknown:?}");
    assert_eq!(fixture.begin(0).count(&schema, 0, &KeyRange::all()).unwrap(), 0);
}

#[test]
fn a_conference_gets_the_node_that_placement_chooses() {
    /// Says what it was told first.
    struct First;
    impl MediaNodes for First {
        fn place(
            &self,
            tenant: Tenant,
            conference: &str,
            asked: Option<&str>,
            ties: &mut dyn Iterator<Item = Result<Tie>>,
        ) -> Result<CompactString> {
            assert_eq!((tenant, conference), (TENANT, "101"));
            if let Some(asked) = asked {
                return Ok(format!("asked for {asked}").into());
            }
            Ok(ties.next().transpose()?.map_or("nothing".into(), |tie| format!("{tie:?}").into()))
        }

        fn nodes(&self) -> Vec<NodeStatus> {
            Vec::new()
        }

        fn state(&self, _: &str) -> &'static str {
            "well"
        }
    }
    let fixture = Fixture::with(Arc::new(First));
    let node = |user: u64| {
        let key = [Value::text("101"), Value::UInt(user)];
        let row = fixture.begin(TENANT).get(&fixture.schema("conference"), &key).unwrap().unwrap();
        row[6].clone()
    };
    fixture.put("conference", fixture.invitation("101", 1)).unwrap();
    assert_eq!(node(1), Value::text("nothing"));
    fixture.put("conference", fixture.invitation("101", 2)).unwrap();
    assert_eq!(node(2), Value::text(r#"Invited("nothing")"#));
    let mut asked = fixture.invitation("101", 3);
    asked[6] = Value::text("fs1:7443");
    fixture.put("conference", asked.clone()).unwrap();
    assert_eq!(node(3), Value::text("asked for fs1:7443"));
    let there = [
        ("name", Value::text("101")),
        ("user_id", Value::UInt(3)),
        ("join_time", Value::UInt(0)),
        ("node", Value::text("fs2:7443")),
    ];
    fixture.put("conference_members", fixture.row("conference_members", &there)).unwrap();
    fixture.put("conference", fixture.invitation("101", 4)).unwrap();
    assert_eq!(node(4), Value::text(r#"Alive("fs2:7443")"#));
    // Another message does not ask for the node that was chosen.
    let mut transaction = fixture.begin(TENANT);
    let written = transaction.put(&fixture.schema("conference"), Some(&asked), asked.clone()).unwrap();
    assert_eq!(written[6], Value::text(r#"Alive("fs2:7443")"#));
}

#[test]
fn the_tables_refuse_what_they_always_refused() {
    let fixture = Fixture::new();
    let refused = |table: &str, values: &[(&str, Value)]| {
        let error = fixture.put(table, fixture.row(table, values)).unwrap_err();
        (error.to_string(), error.codes().2)
    };
    let hash =
        |id: u64, hash: &str| refused("users_auth", &[("id", Value::UInt(id)), ("hash", Value::text(hash))]);
    assert_eq!(hash(0, "abc"), ("The id field must be non-negative".into(), 12));
    assert_eq!(hash(7, "a-c"), ("Contains an invalid characters in the string hash".into(), 12));
    let pipe = |name: &str| refused("pipes_settings", &[("name", Value::text(name))]);
    assert_eq!(pipe("ab"), ("Channel name is too short".into(), 17));
    assert_eq!(pipe("a b"), ("The channel name can contain only the characters A-Za-z0-9_-".into(), 12));
    assert_eq!(refused("users_messages", &[("event", Value::text("é"))]).1, 12);
    assert_eq!(refused("pipes_messages", &[("name", Value::text("x"))]).1, 17);
    assert_eq!(refused("conference", &[("name", Value::text(" "))]).1, 12);
}

#[test]
fn the_tables_fill_in_what_is_theirs() {
    let fixture = Fixture::new();
    for (length, kept) in [(10, 10), (5000, 1000), (-5, 1000)] {
        let row =
            fixture.row("pipes_settings", &[("name", Value::text("pipe")), ("length", Value::Int(length))]);
        let mut transaction = fixture.begin(TENANT);
        let schema = fixture.schema("pipes_settings");
        let key = [Value::text("pipe")];
        let old = transaction.get(&schema, &key).unwrap();
        transaction.put(&schema, old.as_ref(), row).unwrap();
        assert_eq!(transaction.get(&schema, &key).unwrap().unwrap()[1], Value::Int(kept));
        pollster::block_on(transaction.commit()).unwrap();
    }
    let message = |text: &str| {
        fixture.row(
            "users_messages",
            &[("id", Value::UInt(7)), ("event", Value::text("e")), ("message", Value::text(text))],
        )
    };
    let schema = fixture.schema("users_messages");
    let mut transaction = fixture.begin(TENANT);
    for number in 0..50 {
        transaction.put(&schema, None, message(&number.to_string())).unwrap();
    }
    let range = KeyRange::prefix(vec![Value::UInt(7)]);
    let rows: Vec<Row> = transaction.scan(&schema, 0, &range, false).unwrap().map(Result::unwrap).collect();
    let texts: Vec<Value> = rows.into_iter().map(|row| row[3].clone()).collect();
    assert_eq!(
        texts,
        (0..50).map(|number: u32| Value::text(number.to_string())).collect::<Vec<_>>(),
        "oldest first"
    );
}

#[test]
fn members_are_stored_as_moments_and_seen_as_ages() {
    let fixture = Fixture::new();
    let member = fixture.row(
        "conference_members",
        &[("name", Value::text("101")), ("user_id", Value::UInt(7)), ("join_time", Value::UInt(20))],
    );
    fixture.put("conference_members", member).unwrap();
    let schema = fixture.schema("conference_members");
    let later = fixture.database.begin(TENANT, now() + TimeDelta::seconds(5)).unwrap();
    let rows: Vec<Row> = later
        .scan(&schema, 1, &KeyRange::prefix(vec![Value::UInt(7)]), false)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows[0][2..4], [Value::UInt(25), Value::Null]);
}

#[test]
fn an_export_can_be_imported_and_a_cut_or_changed_one_cannot() {
    let fixture = Fixture::new();
    for user in 0..50 {
        fixture.put("conference", fixture.invitation("1\n😀\0 ", user)).unwrap();
    }
    let file = fixture.folder.path().join("export");
    let lines: String = fixture.database.export().unwrap().map(Result::unwrap).collect();
    fs::write(&file, &lines).unwrap();

    let copy = Fixture::new();
    for wrong in [
        lines.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n",
        lines.replacen("😀", "😁", 1),
        lines.replacen("cometql export", "something", 1),
        lines.replacen("\"caller_id\"", "\"colour\"", 1),
    ] {
        fs::write(copy.folder.path().join("wrong"), wrong).unwrap();
        let error = copy.database.import(&copy.folder.path().join("wrong")).unwrap_err();
        assert!(error.to_string().contains(" line "), "{error}");
        assert_eq!(copy.database.tenants(&copy.schema("conference")).unwrap(), [] as [Tenant; 0]);
    }
    assert_eq!(copy.database.import(&file).unwrap(), 50);
    let again: String = copy.database.export().unwrap().map(Result::unwrap).collect();
    assert_eq!(again, lines);
    assert!(copy.findings().is_empty());
    assert!(copy.database.import(&file).unwrap_err().to_string().contains("not empty"));
}

#[test]
fn an_import_refuses_values_of_another_type_and_names_the_line() {
    let fixture = Fixture::new();
    let file = fixture.folder.path().join("export");
    for (started, message) in [
        (r#"{"datetime":"2024-02-29T12:00:00"}"#, None),
        ("5", Some(" line 3: column started, datetime NOT NULL, cannot be 5")),
        ("null", Some(" line 3: column started, datetime NOT NULL, cannot be null")),
    ] {
        let lines = format!(
            "{{\"format\":\"cometql export\",\"version\":1}}\n\
             {{\"table\":\"conferences\",\"columns\":[\"name\",\"node\",\"started\"]}}\n\
             [15,\"101\",\"fs1\",{started}]\n"
        );
        fs::write(&file, lines.clone() + &export::trailer(1, crc32fast::hash(lines.as_bytes()))).unwrap();
        let imported = Fixture::new().database.import(&file).map_err(|error| error.to_string());
        match message {
            None => assert_eq!(imported, Ok(1)),
            Some(message) => {
                assert!(imported.as_ref().is_err_and(|error| error.contains(message)), "{imported:?}")
            }
        }
    }
}

#[test]
fn check_finds_what_does_not_fit() {
    let fixture = Fixture::new();
    fixture.put("conference", fixture.invitation("101", 7)).unwrap();
    fixture.put("conference", fixture.invitation("101", 8)).unwrap();
    let (schema, store) = (fixture.schema("conference"), &fixture.database.0.store);
    let write = |writes| pollster::block_on(store.commit(store.snapshot(), writes)).unwrap();
    let key = |user| keys::of_row(&schema, TENANT, &fixture.invitation("101", user)).unwrap();
    let entry = |user: u64| {
        keys::entry(&schema, &schema.indexes[0], TENANT, &fixture.invitation("101", user), &key(user))
            .unwrap()
            .0
    };
    write(vec![
        (entry(7), None),
        (key(8), None),
        (key(9), Some([1, 2, 3].into())),
        ([0xFF].into(), Some([].into())),
    ]);
    let findings = fixture.findings();
    let found: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
    let expected = [
        "no entry in index conference_user",
        "damaged",
        "entry of index conference_user has no row",
        "no table",
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn rows_of_sip_nodes_are_made_and_not_kept() {
    /// Nodes b, a and c.
    struct Three;
    impl MediaNodes for Three {
        fn place(
            &self,
            _: Tenant,
            _: &str,
            _: Option<&str>,
            _: &mut dyn Iterator<Item = Result<Tie>>,
        ) -> Result<CompactString> {
            Ok("b".into())
        }

        fn nodes(&self) -> Vec<NodeStatus> {
            let node = |name: &'static str| NodeStatus {
                name: CompactString::const_new(name),
                state: if name == "a" { "silent" } else { WELL },
                since: now(),
                last_list: None,
                members: 3,
                conferences: 2,
                round_trip: (name == "a").then_some(Duration::from_nanos(203_744_999_999)),
                last_error: Some("x".repeat(1_000)),
                weight: 1,
            };
            ["b", "a", "c"].map(node).into()
        }

        fn state(&self, _: &str) -> &'static str {
            WELL
        }
    }
    let fixture = Fixture::with(Arc::new(Three));
    let schema = fixture.schema("sip_nodes");
    let operator = fixture.begin(0);
    let names = |range: &KeyRange, reverse| -> Vec<Value> {
        let rows = operator.scan(&schema, 0, range, reverse).unwrap();
        rows.map(|row| row.unwrap()[0].clone()).collect()
    };
    assert_eq!(names(&KeyRange::all(), false), ["a", "b", "c"].map(Value::text));
    assert_eq!(names(&KeyRange::all(), true), ["c", "b", "a"].map(Value::text));
    let b = KeyRange::prefix(vec![Value::text("b")]);
    assert_eq!(names(&b, false), [Value::text("b")]);
    assert_eq!(operator.count(&schema, 0, &b).unwrap(), 1);
    let row = operator.get(&schema, &[Value::text("a")]).unwrap().unwrap();
    assert_eq!((&row[1], &row[7]), (&Value::text("silent"), &Value::text("x".repeat(255))));
    assert_eq!(row[6], Value::Double(203_744.999));
    assert_eq!(operator.get(&schema, &[Value::text("d")]).unwrap(), None);
    let refused = fixture.begin(TENANT).get(&schema, &[Value::text("a")]);
    assert!(matches!(refused, Err(Error::UnknownTable { .. })), "{refused:?}");

    let mut exported = fixture.database.export().unwrap();
    assert!(exported.all(|line| !line.unwrap().contains("sip_nodes")));
    assert_eq!(fixture.findings(), []);
    let counters: Vec<_> = fixture.database.counters().into_iter().take(4).collect();
    assert_eq!(counters, [("Nodes", 3), ("Nodes_conferences", 6), ("Nodes_members", 9), ("Nodes_well", 2)]);
}
