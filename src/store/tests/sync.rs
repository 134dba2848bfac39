//! Acknowledged means on disk: what the system calls say.

use std::{collections::BTreeMap, fs, process::Command};

use super::*;

const FOLDER: &str = "COMETQL_TRACED_STORE";
const COMMITS: usize = 100;

/// Commits, says so on standard output, and makes checkpoints that give up log files.
#[test]
#[ignore = "the traced half of each_commit_is_synced_before_it_is_acknowledged"]
fn commits_for_the_tracer() {
    let folder = std::env::var_os(FOLDER).expect("started by the other test");
    let store = Store::open(Path::new(&folder), small()).unwrap();
    for number in 0..COMMITS {
        put(&store, &format!("{number}"), &"x".repeat(2_000)).unwrap();
        println!("acknowledged {number}");
        if number % 40 == 39 {
            store.checkpoint().unwrap();
        }
    }
}

/// A system call that ended well: its name, and the rest of the line with file names for numbers.
type Call = (String, String);

fn traced_calls(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: BTreeMap<&str, &str> = BTreeMap::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        let whole = if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, begun);
            continue;
        } else if call.starts_with("<... ") {
            let (_, end) = call.split_once("resumed>").unwrap();
            format!("{}{end}", unfinished.remove(thread).unwrap())
        } else {
            call.to_owned()
        };
        if let Some((name, rest)) = whole.split_once('(')
            && !whole.contains(" = -1 ")
        {
            calls.push((name.to_owned(), rest.to_owned()));
        }
    }
    calls
}

#[test]
fn each_commit_is_synced_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=write,pwrite64,fdatasync,fsync,rename,unlink", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::sync::commits_for_the_tracer", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path().join("data"))
        .output()
        .expect("strace runs (package strace)");
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stdout));

    // Files written to since they were last synced.
    let mut unsynced = BTreeMap::<String, usize>::new();
    let (mut acknowledged, mut given_up, mut log_syncs) = (0, 0, 0);
    for (position, (name, rest)) in traced_calls(&fs::read_to_string(&trace).unwrap()).into_iter().enumerate()
    {
        let file = rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let pending = |part: &str| unsynced.keys().find(|file| file.contains(part)).cloned();
        match name.as_str() {
            "write" if rest.contains(&format!("\"acknowledged {acknowledged}")) => {
                assert_eq!(pending("/log/0"), None, "commit {acknowledged} was acknowledged before its log");
                assert!(log_syncs > 0, "commit {acknowledged} was acknowledged without a sync");
                (acknowledged, log_syncs) = (acknowledged + 1, 0);
            }
            "write" | "pwrite64" => drop(unsynced.insert(file, position)),
            "fsync" | "fdatasync" => {
                log_syncs += usize::from(file.contains("/log/0") && unsynced.contains_key(&file));
                unsynced.remove(&file);
            }
            // It becomes a spare, or goes when there are enough of them.
            "rename" | "unlink" if rest.split("\", ").next().is_some_and(|from| from.contains("/log/0")) => {
                assert_eq!(pending("/base/db"), None, "a log file was given up before sled was synced");
                given_up += 1;
            }
            _ => {}
        }
    }
    assert_eq!(acknowledged, COMMITS);
    assert!(given_up > 0, "no log file was given up");
}
