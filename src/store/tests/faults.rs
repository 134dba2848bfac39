//! What goes wrong with disks and folders.

use std::{fs, iter, ops::Range, path::PathBuf, process::Command, thread};

use rand::{Rng, SeedableRng, distr::Alphanumeric, rngs::StdRng};

use super::*;

/// What a crash left of a store: 20 keys in sled, of which the log has some, and 5 in the log only.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // So that no checkpoint is due but the one here.
    let store = Store::open(folder.path(), Options { checkpoint_bytes: MIB, memtable_bytes: MIB, ..small() })
        .unwrap();
    for number in 0..20 {
        put(&store, &format!("key {number:02}"), &"x".repeat(10_000)).unwrap();
    }
    store.checkpoint().unwrap();
    for number in 20..25 {
        put(&store, &format!("key {number:02}"), "recent").unwrap();
    }
    crash(&store, folder.path())
}

fn refusal(folder: &Path) -> String {
    Store::open(folder, small()).err().expect("it opens").to_string()
}

fn forced(folder: &Path) -> Store {
    Store::open(folder, Options { force_recovery: true, ..small() }).unwrap()
}

fn keys(store: &Store) -> usize {
    all(&store.snapshot()).len()
}

/// The log file with the records that sled does not have, and where they are.
fn last_records(folder: &Path) -> (PathBuf, Vec<Range<usize>>) {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with("spare"));
    files.sort();
    let path = files.pop().unwrap();
    let records = crate::store::log::records(&path);
    (path, records)
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_second_process_is_told_about_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let _store = Store::open(folder.path(), small()).unwrap();
    let refused = refusal(folder.path());
    assert!(refused.contains(&format!("in use by process {}", std::process::id())), "{refused}");
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ibdata1"), "precious").unwrap();
    let refused = refusal(folder.path());
    assert!(refused.contains("not a cometql data folder") && refused.contains("ibdata1"), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_of_a_newer_format_is_refused() {
    let folder = filled();
    fs::write(folder.path().join("cometql.store"), "cometql store, format 3\nready\n").unwrap();
    let refused = refusal(folder.path());
    assert!(refused.contains("'cometql store, format 3'"), "{refused}");
}

#[test]
fn a_first_start_that_was_interrupted_starts_again() {
    let folder = filled();
    fs::write(folder.path().join("cometql.store"), "cometql store, format 2\ncreating\n").unwrap();
    assert_eq!(keys(&Store::open(folder.path(), small()).unwrap()), 0);
}

#[test]
fn a_file_instead_of_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(refusal(&file).contains(&*file.to_string_lossy()));
}

#[test]
fn sled_missing_or_empty_where_data_is_expected_is_refused() {
    for spoil in [
        |db: &Path| fs::remove_dir_all(db.parent().unwrap()).unwrap(),
        |db: &Path| fs::remove_file(db).unwrap(),
        |db: &Path| fs::write(db, "").unwrap(),
    ] {
        let folder = filled();
        spoil(&folder.path().join("base/db"));
        let refused = refusal(folder.path());
        assert!(refused.contains("base/db' is missing or empty"), "{refused}");
    }
    // Nor does another, empty sled pass for it.
    let (folder, other) = (filled(), tempfile::tempdir().unwrap());
    drop(Store::open(other.path(), small()).unwrap());
    fs::remove_dir_all(folder.path().join("base")).unwrap();
    fs::rename(other.path().join("base"), folder.path().join("base")).unwrap();
    fs::write(folder.path().join("base.state"), "writing\n").unwrap();
    assert!(refusal(folder.path()).contains("sled ends with commit 0"));
}

#[test]
fn a_cut_sled_file_is_refused_and_what_the_log_has_can_be_forced() {
    let folder = filled();
    let db = folder.path().join("base/db");
    change(&db, |bytes| bytes.truncate(bytes.len() / 2));
    let refused = refusal(folder.path());
    assert!(refused.contains("base/db' was cut"), "{refused}");
    assert!((5..25).contains(&keys(&forced(folder.path()))));
}

#[test]
fn damage_anywhere_in_sled_is_an_error_or_harmless() {
    let good = all(&Store::open(filled().path(), small()).unwrap().snapshot());
    let mut errors = 0;
    for place in 0..24 {
        let folder = filled();
        let db = folder.path().join("base/db");
        let used = fs::read(&db).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
        change(&db, |bytes| bytes[used * place / 24..][..64].fill(0x5A));
        let read = Store::open(folder.path(), small())
            .and_then(|store| store.snapshot().range(KeyBounds::all(), false).collect::<Result<Vec<_>>>());
        match read {
            Ok(read) => assert_eq!(read, good, "wrong data after damage at {place}/24"),
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 0, "none of the damages hit anything");
}

#[test]
fn a_damaged_snapshot_of_sled_is_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), small()).unwrap();
    put(&store, "a", "1").unwrap();
    drop(store);
    drop(Store::open(folder.path(), small()).unwrap());
    let snapshots: Vec<PathBuf> = fs::read_dir(folder.path().join("base"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."))
        .collect();
    assert!(!snapshots.is_empty());
    for path in snapshots {
        change(&path, |bytes| bytes.truncate(bytes.len() / 2));
    }
    assert_eq!(get(&Store::open(folder.path(), small()).unwrap(), "a"), Some("1".into()));
}

#[test]
fn a_missing_log_is_refused() {
    let folder = filled();
    fs::remove_dir_all(folder.path().join("log")).unwrap();
    assert!(refusal(folder.path()).contains("log' is missing"));
    assert_eq!(keys(&forced(folder.path())), 20);
}

#[test]
fn a_record_that_a_crash_cut_off_was_never_acknowledged() {
    // A record of one key of 6 bytes with a value of 6; the zeroes after it are not missed.
    for cut in 0..20 + 4 + 6 + 6 + 6 {
        let folder = filled();
        let (path, records) = last_records(folder.path());
        let last = records.last().unwrap().clone();
        change(&path, |bytes| bytes[last][cut..].fill(0));
        let store = Store::open(folder.path(), small()).unwrap();
        assert_eq!(keys(&store), 24, "cut at {cut}");
        put(&store, "later", "1").unwrap();
        let left = crash(&store, folder.path());
        assert_eq!(keys(&Store::open(left.path(), small()).unwrap()), 25, "cut at {cut}");
    }
}

#[test]
fn damage_before_the_last_record_is_refused_and_the_rest_can_be_forced() {
    let folder = filled();
    let (path, records) = last_records(folder.path());
    change(&path, |bytes| bytes[records[records.len() - 3].start + 30] ^= 1);
    let refused = refusal(folder.path());
    assert!(refused.contains(&*path.to_string_lossy()) && refused.contains("damaged between"), "{refused}");
    assert_eq!(keys(&forced(folder.path())), 24);
}

#[test]
fn a_log_file_without_its_header_is_refused() {
    let folder = filled();
    let (path, _) = last_records(folder.path());
    change(&path, |bytes| bytes[20] ^= 1);
    assert!(refusal(folder.path()).contains("has no valid header"));
}

#[test]
fn a_log_file_missing_between_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options { checkpoint_bytes: MIB, memtable_bytes: MIB, ..small() })
        .unwrap();
    for number in 0..800 {
        put(&store, &format!("{number}"), &"x".repeat(200)).unwrap();
    }
    let left = crash(&store, folder.path());
    fs::remove_file(left.path().join("log/0000000002.log")).unwrap();
    let refused = refusal(left.path());
    assert!(refused.contains("0000000001.log' ends before commit"), "{refused}");
}

/// A file system of its own, of some MiB.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new(mib: u64) -> Self {
        let disk = Disk { folder: tempfile::tempdir().unwrap() };
        disk.mount(&["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]);
        disk
    }

    fn mount(&self, arguments: &[&str]) {
        let mounted = Command::new("mount").args(arguments).arg(self.folder.path()).output().unwrap();
        assert!(
            mounted.status.success(),
            "this test needs the right to mount: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Waits until the store has set room aside.
    fn wait_for_reserve(&self) {
        let reserve = self.path().join("reserve");
        let is_whole = || fs::metadata(&reserve).is_ok_and(|file| file.len() == 16 * MIB);
        while !is_whole() {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Takes all room that is left.
    fn fill(&self) -> PathBuf {
        let path = self.folder.path().join("filler");
        let mut file = fs::File::options().create(true).append(true).open(&path).unwrap();
        let error = std::io::copy(&mut std::io::repeat(1), &mut file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What still has a file open is about to close it.
        let unmounted =
            || Command::new("umount").arg(self.folder.path()).status().is_ok_and(|end| end.success());
        let mut attempts =
            iter::repeat_with(unmounted).take(50).inspect(|_| thread::sleep(Duration::from_millis(100)));
        assert!(
            attempts.any(|done| done) || thread::panicking(),
            "cannot unmount {}",
            self.folder.path().display()
        );
    }
}

fn is_full<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::DiskFull { .. }))
}

#[test]
fn on_a_full_disk_writes_fail_reads_and_deletes_go_on_and_it_recovers_by_itself() {
    let disk = Disk::new(64);
    let options = Options { disk_reserve: 8 * MIB, ..small() };
    let store = Store::open(&disk.path(), options.clone()).unwrap();
    put(&store, "a", "1").unwrap();
    put(&store, "b", "1").unwrap();
    disk.wait_for_reserve();
    let filler = disk.fill();
    let refused = (0..100).find_map(|number| {
        std::thread::sleep(Duration::from_millis(50));
        put(&store, "c", &number.to_string()).err()
    });
    assert!(matches!(refused, Some(Error::DiskFull { .. })), "{refused:?}");
    assert_eq!(get(&store, "a"), Some("1".into()));
    wait(store.commit(store.snapshot(), vec![(b"b".as_slice().into(), None)])).unwrap();
    assert!(store.stats().disk_full);

    // It opens on the full disk, and still deletes.
    drop(store);
    let store = Store::open(&disk.path(), options).unwrap();
    assert_eq!((get(&store, "a"), get(&store, "b")), (Some("1".into()), None));
    assert!(is_full(&put(&store, "d", "1")));
    wait(store.commit(store.snapshot(), vec![(b"a".as_slice().into(), None)])).unwrap();

    fs::remove_file(filler).unwrap();
    std::thread::sleep(Duration::from_millis(150));
    put(&store, "d", "1").unwrap();
    store.checkpoint().unwrap();
    assert_eq!((get(&store, "a"), get(&store, "d")), (None, Some("1".into())));
}

#[test]
fn a_store_whose_disk_was_filled_by_others_opens_on_what_it_set_aside() {
    let disk = Disk::new(64);
    let options = Options { disk_reserve: 8 * MIB, ..small() };
    let store = Store::open(&disk.path(), options.clone()).unwrap();
    put(&store, "a", "1").unwrap();
    disk.wait_for_reserve();
    drop(store);
    disk.fill();
    let store = Store::open(&disk.path(), options).unwrap();
    assert_eq!(get(&store, "a"), Some("1".into()));
    wait(store.commit(store.snapshot(), vec![(b"a".as_slice().into(), None)])).unwrap();
}

#[test]
fn a_disk_without_any_room_is_not_taken_for_damage() {
    let disk = Disk::new(64);
    let store = Store::open(&disk.path(), small()).unwrap();
    put(&store, "a", "1").unwrap();
    drop(store);
    let _ = fs::remove_file(disk.path().join("reserve"));
    let filler = disk.fill();
    let base_files = || {
        let files = fs::read_dir(disk.path().join("base")).unwrap();
        files.map(|entry| entry.unwrap().file_name()).collect::<std::collections::BTreeSet<_>>()
    };
    let files = base_files();
    for options in [small(), Options { force_recovery: true, ..small() }] {
        let refused = Store::open(&disk.path(), options).err().expect("it opens").to_string();
        assert!(refused.contains("No space left on device") && !refused.contains("damaged"), "{refused}");
        // Room for the state file, but not for sled.
        let file = fs::File::options().write(true).open(&filler).unwrap();
        file.set_len(file.metadata().unwrap().len() - 8 * 1024).unwrap();
    }
    assert_eq!(base_files(), files);
    fs::remove_file(filler).unwrap();
    assert_eq!(get(&Store::open(&disk.path(), small()).unwrap(), "a"), Some("1".into()));
}

#[test]
fn a_store_that_filled_its_disk_loses_nothing() {
    let disk = Disk::new(96);
    // Without a reserve, so that sled itself runs into the end of the disk.
    let store = Store::open(&disk.path(), small()).unwrap();
    // Nothing that could be packed.
    let value: String =
        StdRng::seed_from_u64(1).sample_iter(Alphanumeric).take(20_000).map(char::from).collect();
    let mut stored = 0;
    while put(&store, &format!("{stored:06}"), &value).is_ok() {
        stored += 1;
        assert!(stored < 10_000, "the disk does not fill");
    }
    assert_eq!(keys(&store), stored);
    disk.mount(&["-o", "remount,size=512m"]);
    let recovered = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        put(&store, "later", "1").is_ok()
    });
    assert!(recovered, "{:?}", put(&store, "later", "1"));
    assert_eq!(keys(&store), stored + 1);
    drop(store);
    assert_eq!(keys(&Store::open(&disk.path(), small()).unwrap()), stored + 1);
}

#[test]
fn a_read_only_folder_is_named() {
    let disk = Disk::new(64);
    drop(Store::open(&disk.path(), small()).unwrap());
    disk.mount(&["-o", "remount,ro"]);
    let refused = refusal(&disk.path());
    assert!(refused.contains("must be writable") && refused.contains("data/"), "{refused}");
}
