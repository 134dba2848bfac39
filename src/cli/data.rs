//! `cometql export`, `import` and `check`.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitCode,
};

use cometql::config::Settings;

use super::{
    Failure, open,
    shell::{Server, ServerArguments},
};

/// Writes everything that a data folder or a running server holds into a file.
pub fn export(file: &Path, settings: &Settings, server: &ServerArguments) -> Result<ExitCode, Failure> {
    let describe = |reason: io::Error| format!("cannot write {}: {reason}", file.display());
    let mut out: BufWriter<Box<dyn Write>> = BufWriter::new(if file == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        // The tenants' passwords are in it.
        let options = OpenOptions::new().write(true).create_new(true).mode(0o600).clone();
        Box::new(options.open(file).map_err(describe)?)
    });
    if let Some(mut server) = Server::connect(server, settings)? {
        server.export(&mut out)?;
    } else {
        let database = open(settings)?;
        for line in database.export()? {
            out.write_all(line?.as_bytes()).map_err(describe)?;
        }
        database.close();
    }
    out.flush().map_err(describe)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads an export into an empty data folder.
pub fn import(file: &Path, settings: &Settings) -> Result<ExitCode, Failure> {
    let database = open(settings)?;
    let imported = database.import(file);
    database.close();
    println!("{} rows imported", imported?);
    Ok(ExitCode::SUCCESS)
}

/// Reports what does not fit in a data folder; exit code 1 if anything does not.
pub fn check(settings: &Settings) -> Result<ExitCode, Failure> {
    let database = open(settings)?;
    let mut findings = 0_u64;
    let checked = database.check(&mut |finding| {
        findings += 1;
        println!("{finding}");
    });
    database.close();
    println!("{} rows checked, {findings} findings", checked?);
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
