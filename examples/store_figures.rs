//! Measures the store with invitations as rows, without SQL and network:
//!
//! ```sh
//! cargo run --release --example store_figures -- commits FOLDER   # durable commits/s at 1, 8 and 32 writers
//! cargo run --release --example store_figures -- load FOLDER      # 1 000 000 rows: time, memory, disk
//! cargo run --release --example store_figures -- open FOLDER      # of that folder: time to open, memory, reads
//! cargo run --release --example store_figures -- delete FOLDER    # 90 % of them: time, memory, disk
//! ```

use std::{
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use cometql::{
    Result,
    sql::{
        Catalog, KeyRange,
        types::{Row, TableSchema, Value},
    },
    store::{MIB, Options},
    tables::{Database, NoNodes},
};
use rand::{Rng, SeedableRng, distr::Alphanumeric, rngs::StdRng};

const ROWS: u64 = 1_000_000;
/// Rows of one commit while loading.
const BATCH: u64 = 100;
const TENANT: u32 = 15;
const WRITERS: [u64; 3] = [1, 8, 32];
const WRITE_TIME: Duration = Duration::from_secs(5);
const READS: u64 = 200_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, folder] = arguments.as_slice() else { return usage() };
    let measured = match what.as_str() {
        "commits" => commits(folder.as_ref()),
        "load" => load(folder.as_ref()),
        "open" => open(folder.as_ref()).map(drop),
        "delete" => delete(folder.as_ref()),
        _ => return usage(),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("store_figures commits|load|open|delete FOLDER");
    ExitCode::FAILURE
}

fn open_database(folder: &Path) -> Result<Database> {
    let started = Instant::now();
    let database = Database::open(folder, Options::default(), Arc::new(NoNodes))?;
    println!("opened in {:.3} s", started.elapsed().as_secs_f64());
    Ok(database)
}

/// An invitation of 150 bytes, in conferences of ten.
fn invitation(number: u64) -> Row {
    // Spread over the key space, as conferences come in no order.
    let conference = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    // Letters that nothing can pack.
    let text = StdRng::seed_from_u64(number).sample_iter(Alphanumeric).take(70).map(char::from);
    let text = String::from_iter(text);
    vec![
        Value::text(conference.to_string()),
        Value::UInt(number),
        Value::UInt(number / 2),
        Value::text(format!(r#"{{"topic":"meeting {number}","text":"{text}"}}"#)),
        Value::text("video"),
        Value::Int(0),
        Value::text("fs1.example.com:7443"),
    ]
}

fn commits(folder: &Path) -> Result<()> {
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| cometql::Error::Internal(error.to_string()))?;
    let database = open_database(folder)?;
    let table = database.table("conference").ok_or_else(|| cometql::Error::Internal("no table".into()))?;
    let mut first = 0;
    for writers in WRITERS {
        let groups = database.stats().groups;
        let started = Instant::now();
        let tasks: Vec<_> = (0..writers)
            .map(|writer| {
                let (database, table) = (database.clone(), Arc::clone(&table));
                runtime.spawn(async move {
                    let mut latencies = Vec::new();
                    let mut number = first + writer;
                    while started.elapsed() < WRITE_TIME {
                        let begun = Instant::now();
                        let mut transaction = database.begin(TENANT, Utc::now())?;
                        transaction.put(&table, None, invitation(number))?;
                        transaction.commit().await?;
                        latencies.push(begun.elapsed());
                        number += writers;
                    }
                    Ok::<_, cometql::Error>(latencies)
                })
            })
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            let ended =
                runtime.block_on(task).map_err(|error| cometql::Error::Internal(error.to_string()))?;
            latencies.extend(ended?);
        }
        latencies.sort();
        let (count, groups) = (latencies.len() as u64, database.stats().groups - groups);
        println!(
            "{writers:>3} writers: {:>6} commits/s, p50 {:?}, p99 {:?}, {:.1} commits a sync",
            count / WRITE_TIME.as_secs(),
            latencies[latencies.len() / 2],
            latencies[latencies.len() * 99 / 100],
            count as f64 / groups as f64,
        );
        first += 100_000_000;
    }
    let started = Instant::now();
    database.close();
    println!("closed in {:.3} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn load(folder: &Path) -> Result<()> {
    let database = open_database(folder)?;
    let table = database.table("conference").ok_or_else(|| cometql::Error::Internal("no table".into()))?;
    let started = Instant::now();
    for batch in 0..ROWS / BATCH {
        let mut transaction = database.begin(TENANT, Utc::now())?;
        for number in batch * BATCH..(batch + 1) * BATCH {
            transaction.put(&table, None, invitation(number))?;
        }
        pollster::block_on(transaction.commit())?;
    }
    report("loaded", started, &database);
    std::thread::sleep(Duration::from_secs(5));
    report("5 s later", started, &database);
    let started = Instant::now();
    database.close();
    println!("closed in {:.3} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn open(folder: &Path) -> Result<Database> {
    let database = open_database(folder)?;
    let table = database.table("conference").ok_or_else(|| cometql::Error::Internal("no table".into()))?;
    let started = Instant::now();
    report("opened", started, &database);
    let transaction = database.begin(TENANT, Utc::now())?;
    for number in 0..READS {
        let row = invitation(number * 7919 % ROWS);
        transaction.get(&table, &row[..2])?;
    }
    println!("{:.1} us for a point read", started.elapsed().as_secs_f64() * 1e6 / READS as f64);
    let started = Instant::now();
    let rows = count(&database, &table)?;
    report(&format!("counted {rows}"), started, &database);
    let started = Instant::now();
    let rows = transaction.scan(&table, 0, &KeyRange::all(), false)?.count();
    report(&format!("read all {rows}"), started, &database);
    Ok(database)
}

fn delete(folder: &Path) -> Result<()> {
    let database = open_database(folder)?;
    let table = database.table("conference").ok_or_else(|| cometql::Error::Internal("no table".into()))?;
    let started = Instant::now();
    for batch in 0..ROWS / BATCH {
        let mut transaction = database.begin(TENANT, Utc::now())?;
        for number in (batch * BATCH..(batch + 1) * BATCH).filter(|number| number % 10 != 0) {
            transaction.delete(&table, &invitation(number))?;
        }
        pollster::block_on(transaction.commit())?;
    }
    report("deleted 90 %", started, &database);
    std::thread::sleep(Duration::from_secs(5));
    report("5 s later", started, &database);
    let rows = count(&database, &table)?;
    report(&format!("counted {rows}"), started, &database);
    database.close();
    Ok(())
}

fn count(database: &Database, table: &Arc<TableSchema>) -> Result<u64> {
    database.begin(TENANT, Utc::now())?.count(table, 0, &KeyRange::all())
}

fn report(what: &str, started: Instant, database: &Database) {
    let stats = database.stats();
    println!(
        "{what} after {:.2} s: {} MB resident, {} MB memtable, {} MB sled, {} MB log",
        started.elapsed().as_secs_f64(),
        stats.resident / MIB,
        stats.memtable / MIB,
        stats.base / MIB,
        stats.log / MIB,
    );
}
