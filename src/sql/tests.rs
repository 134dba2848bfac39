//! Scripts: statements, their plans and their results, side by side.
//!
//! Each file of `testscripts/` holds statements, one a line, each followed by what came of it. To write the results
//! anew, run the test with `UPDATE_TESTSCRIPTS=1` and look at the difference. A line `# session NAME` goes on in the
//! session of that name, and `# tenant N` in one of that tenant.

use std::{collections::HashMap, fmt::Write, path::Path, sync::Arc};

use super::{
    Engine, Limits, Login, Outcome, Session,
    testing::{MemoryCatalog, StandingClock, test_tables},
    types::print,
};

pub(super) fn engine() -> Arc<Engine> {
    let catalog = Arc::new(MemoryCatalog::new(test_tables()));
    Engine::new(catalog, Arc::new(StandingClock), Limits::default())
}

pub(super) fn session(engine: &Arc<Engine>, tenant: u32) -> Session {
    let login = Login { tenant, user: tenant.to_string(), host: "localhost".to_owned(), connection_id: 1 };
    Session::new(engine, login)
}

/// What came of a statement, as text.
pub(super) async fn answer(session: &mut Session, statement: &str) -> String {
    let mut out = String::new();
    match session.execute(statement).await {
        Ok(Outcome::Done(done)) => {
            write!(out, "OK, {} affected", done.affected_rows).expect("a string");
            if done.last_insert_id != 0 {
                write!(out, ", insert id {}", done.last_insert_id).expect("a string");
            }
            if !done.info.is_empty() {
                write!(out, ", {}", done.info).expect("a string");
            }
        }
        Ok(Outcome::Rows(rows)) => {
            let columns = Arc::clone(&rows.columns);
            let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
            out.push_str(&names.join(" | "));
            for row in rows {
                out.push('\n');
                match row {
                    Ok(row) => {
                        let values = row.iter().zip(&*columns).map(|(value, column)| {
                            match print(value, &column.expr_type) {
                                Some(printed) => String::from_utf8_lossy(printed.as_bytes()).into_owned(),
                                None => "NULL".to_owned(),
                            }
                        });
                        out.push_str(&values.collect::<Vec<_>>().join(" | "));
                    }
                    Err(error) => {
                        write!(out, "{} {}", error.codes().0, error).expect("a string");
                        break;
                    }
                }
            }
        }
        Err(error) => write!(out, "{} {}", error.codes().0, error).expect("a string"),
    }
    let warnings = session.status().warnings;
    if warnings > 0 {
        write!(out, "\n({warnings} warnings)").expect("a string");
    }
    out
}

/// The script with the results that its statements have now.
async fn run(script: &str) -> String {
    let engine = engine();
    let mut sessions: HashMap<String, Session> = HashMap::new();
    let mut current = "main".to_owned();
    let mut tenant = 15;
    let mut out = String::new();
    for line in script.lines() {
        if line.starts_with("  ") || line.is_empty() {
            continue;
        }
        if line.starts_with('#') {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(line);
            out.push('\n');
            if let Some(name) = line.strip_prefix("# session ") {
                current = name.to_owned();
            } else if let Some(number) = line.strip_prefix("# tenant ") {
                tenant = number.parse().expect("a number");
                current = format!("tenant {tenant}");
            }
            continue;
        }
        let session = sessions.entry(current.clone()).or_insert_with(|| session(&engine, tenant));
        out.push_str(line);
        out.push('\n');
        let explainable = ["select", "update", "delete"]
            .iter()
            .any(|verb| line.get(..verb.len()).is_some_and(|first| first.eq_ignore_ascii_case(verb)));
        if explainable && line.contains(" from ") || line.starts_with("update") {
            let plan = answer(session, &format!("explain {line}")).await;
            // An error shows below.
            if let Some(plan) = plan.strip_prefix("EXPLAIN\n") {
                plan.lines().for_each(|line| writeln!(out, "  : {line}").expect("a string"));
            }
        }
        answer(session, line).await.lines().for_each(|line| writeln!(out, "  {line}").expect("a string"));
    }
    out
}

#[tokio::test]
async fn scripts_answer_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql/testscripts");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let script = std::fs::read_to_string(&file).expect("a script");
        let result = run(&script).await;
        if std::env::var_os("UPDATE_TESTSCRIPTS").is_some() {
            std::fs::write(&file, &result).expect("written");
        } else {
            for (number, (expected, found)) in script.lines().zip(result.lines()).enumerate() {
                assert_eq!(expected, found, "{} line {}", file.display(), number + 1);
            }
            assert_eq!(script, result, "{}", file.display());
        }
    }
}
