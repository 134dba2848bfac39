//! The store against a model, through crashes and checkpoints; [`faults`] does worse to it, [`sync`]
//! watches it.

mod faults;
mod sync;

use std::{
    collections::BTreeMap,
    ops::Bound,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;

use super::*;

/// Small sizes, so that few writes fill log files and the memtable.
fn small() -> Options {
    Options {
        cache_bytes: 8 * MIB,
        checkpoint_bytes: 64 * 1024,
        memtable_bytes: 256 * 1024,
        segment_bytes: 64 * 1024,
        disk_reserve: 0,
        disk_warning: 0,
        ..Options::default()
    }
}

fn write(key: &str, value: &str) -> Write {
    (key.as_bytes().into(), Some(value.as_bytes().into()))
}

fn wait<T>(commit: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(commit)
}

fn put(store: &Store, key: &str, value: &str) -> Result<Sequence> {
    wait(store.commit(store.snapshot(), vec![write(key, value)]))
}

fn get(store: &Store, key: &str) -> Option<String> {
    let value = store.snapshot().get(key.as_bytes()).unwrap();
    value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}

fn all(snapshot: &Snapshot) -> Vec<(Key, Bytes)> {
    snapshot.range(KeyBounds::all(), false).collect::<Result<_>>().unwrap()
}

/// What a crash leaves: the files as they are, while the store goes on.
fn crash(store: &Store, from: &Path) -> tempfile::TempDir {
    let _quiet = store.shared.housekeeping.pause();
    let _log = store.shared.log.lock();
    let to = tempfile::tempdir().unwrap();
    copy(from, to.path());
    to
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            match std::fs::copy(entry.path(), target) {
                // A log file that was just being prepared got its name.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                copied => drop(copied.unwrap()),
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<(u8, Option<u16>)>),
    Checkpoint,
    Crash,
    Reopen,
    Scan { lower: Option<u8>, upper: Option<u8>, reverse: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let commit = prop::collection::vec((any::<u8>(), prop::option::weighted(0.6, 0..3000_u16)), 1..30);
    let step = prop_oneof![
        8 => commit.prop_map(Step::Commit),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Crash),
        1 => Just(Step::Reopen),
        3 => (any::<Option<u8>>(), any::<Option<u8>>(), any::<bool>())
            .prop_map(|(lower, upper, reverse)| Step::Scan { lower, upper, reverse }),
    ];
    prop::collection::vec(step, 1..40)
}

fn key(number: u8) -> Key {
    format!("key {number:03}").into_bytes().into()
}

fn bound(number: Option<u8>) -> Bound<Key> {
    number.map_or(Bound::Unbounded, |number| Bound::Included(key(number)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_an_ordered_map_does(steps in steps()) {
        let mut folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path(), small()).unwrap();
        let mut model = BTreeMap::<Key, Bytes>::new();
        for step in steps {
            match step {
                Step::Commit(writes) => {
                    let writes: BTreeMap<Key, Option<Bytes>> = writes
                        .into_iter()
                        .map(|(number, length)| {
                            (key(number), length.map(|length| vec![number; length.into()].into()))
                        })
                        .collect();
                    wait(store.commit(store.snapshot(), writes.clone().into_iter().collect())).unwrap();
                    for (key, value) in writes {
                        match value {
                            Some(value) => drop(model.insert(key, value)),
                            None => drop(model.remove(&key)),
                        }
                    }
                }
                Step::Checkpoint => store.checkpoint().unwrap(),
                Step::Crash => {
                    let left = crash(&store, folder.path());
                    drop(store);
                    store = Store::open(left.path(), small()).unwrap();
                    folder = left;
                }
                Step::Reopen => {
                    drop(store);
                    store = Store::open(folder.path(), small()).unwrap();
                }
                Step::Scan { lower, upper, reverse } => {
                    let bounds = KeyBounds { lower: bound(lower), upper: bound(upper) };
                    let found: Vec<_> =
                        store.snapshot().range(bounds.clone(), reverse).collect::<Result<_>>().unwrap();
                    let mut expected: Vec<_> = if bounds.is_empty() {
                        Vec::new()
                    } else {
                        model.range((bounds.lower.clone(), bounds.upper.clone())).map(|(k, v)| (k.clone(), v.clone())).collect()
                    };
                    prop_assert_eq!(store.snapshot().count(bounds).unwrap(), expected.len() as u64);
                    if reverse {
                        expected.reverse();
                    }
                    prop_assert_eq!(found, expected);
                }
            }
            for number in [0, 100, 200] {
                prop_assert_eq!(store.snapshot().get(&key(number)).unwrap(), model.get(&key(number)).cloned());
            }
        }
        let expected: Vec<_> = model.into_iter().collect();
        prop_assert_eq!(all(&store.snapshot()), expected);
    }
}

#[test]
fn the_first_of_two_conflicting_commits_wins() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), small()).unwrap();
    let (first, second, third) = (store.snapshot(), store.snapshot(), store.snapshot());
    wait(store.commit(first, vec![write("a", "1"), write("b", "1")])).unwrap();
    assert_eq!(wait(store.commit(second, vec![write("b", "2"), write("c", "2")])), Err(Error::Conflict));
    assert_eq!(get(&store, "c"), None);
    // Moving the first to sled does not make the conflict forgotten.
    store.checkpoint().unwrap();
    assert_eq!(wait(store.commit(third, vec![write("a", "3")])), Err(Error::Conflict));
    assert!(put(&store, "a", "4").is_ok());
}

#[test]
fn snapshots_stay_as_they_are_under_commits_and_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path(), small()).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    // Each commit writes the same number to both ends of the key space and to many keys between.
    let commit = |store: &Store, number: u32| {
        let value = number.to_string();
        let writes = (0..40).map(|key| write(&format!("{key:02}"), &value)).collect();
        wait(store.commit(store.snapshot(), writes))
    };
    commit(&store, 0).unwrap();
    let writer = {
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                commit(&store, number).unwrap();
                if number % 7 == 0 {
                    store.checkpoint().unwrap();
                }
            }
            number
        })
    };
    for _ in 0..300 {
        let snapshot = store.snapshot();
        let forwards = all(&snapshot);
        assert_eq!(forwards.len(), 40);
        assert!(forwards.iter().all(|(_, value)| *value == forwards[0].1), "half a commit");
        std::thread::sleep(Duration::from_micros(300));
        let mut backwards: Vec<_> = snapshot.range(KeyBounds::all(), true).collect::<Result<_>>().unwrap();
        backwards.reverse();
        assert_eq!(forwards, backwards, "the snapshot changed");
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.join().unwrap() > 10);
}

#[test]
fn a_snapshot_that_holds_too_much_is_given_up_and_commits_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), small()).unwrap();
    put(&store, "a", "old").unwrap();
    let snapshot = store.snapshot();
    for number in 0..2000 {
        put(&store, &format!("key {number}"), &"x".repeat(400)).unwrap();
    }
    assert!(matches!(snapshot.get(b"a"), Err(Error::SnapshotTooOld(_))));
    let refused = wait(store.commit(snapshot, vec![write("b", "1")]));
    assert!(matches!(refused, Err(Error::SnapshotTooOld(_))), "{refused:?}");
    assert_eq!(get(&store, "a"), Some("old".into()));
    assert!(store.stats().snapshots_given_up >= 1);
    assert!(store.stats().memtable < 2 * small().memtable_bytes);
}

#[test]
fn commits_that_wait_for_room_need_not_wait_until_a_checkpoint_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        Options { checkpoint_bytes: 64 * MIB, checkpoint_interval: Duration::from_secs(3_600), ..small() };
    let store = Store::open(folder.path(), options).unwrap();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for number in 0..2_000 {
            put(&store, &format!("key {number}"), &"x".repeat(400)).unwrap();
        }
        done.send(store.stats().memtable).unwrap();
    });
    let memtable = ended.recv_timeout(Duration::from_secs(30)).expect("commits go on");
    assert!(memtable < 2 * small().memtable_bytes);
}

#[test]
fn a_transaction_larger_than_a_log_file_is_whole_and_one_beyond_the_bound_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { transaction_bytes: 300_000, ..small() };
    let store = Store::open(folder.path(), options.clone()).unwrap();
    let large = |count: usize| (0..count).map(|n| write(&format!("{n:05}"), &"x".repeat(90))).collect();
    wait(store.commit(store.snapshot(), large(2500))).unwrap();
    let refused = wait(store.commit(store.snapshot(), large(3500)));
    assert_eq!(refused, Err(Error::TransactionTooLarge(300_000)));
    let left = crash(&store, folder.path());
    assert_eq!(all(&Store::open(left.path(), options).unwrap().snapshot()).len(), 2500);
}

#[test]
fn log_files_are_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), small()).unwrap();
    for number in 0..3000 {
        put(&store, &format!("{}", number % 50), &"x".repeat(300)).unwrap();
    }
    store.checkpoint().unwrap();
    let files = std::fs::read_dir(folder.path().join("log")).unwrap().count();
    assert!(files <= 4, "{files} log files after 15 were filled");
}

#[test]
fn opening_often_does_not_pile_up_log_files() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let store = Store::open(folder.path(), small()).unwrap();
        if number < 3 {
            put(&store, "a", "1").unwrap();
        }
    }
    let files = std::fs::read_dir(folder.path().join("log")).unwrap().count();
    assert!(files <= 3, "{files} log files");
}

#[test]
fn closing_refuses_commits_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), small()).unwrap();
    put(&store, "a", "1").unwrap();
    store.close();
    assert_eq!(put(&store, "a", "2"), Err(Error::ShuttingDown));
    drop(store);
    let store = Store::open(folder.path(), small()).unwrap();
    assert_eq!(get(&store, "a"), Some("1".into()));
    assert_eq!(store.stats().memtable, 0, "closing made a checkpoint");
}
