//! The machine in numbers, for CppComet's `SHOW RAM|AVG|UPTIME|FILESYSTEM STATUS` (notes 07, section 4). What cannot be
//! read is left out.

use std::fs;

use crate::sql::parse::ast::MachineStatus;

/// Names and values.
pub(super) fn status(what: MachineStatus) -> Vec<(String, String)> {
    match what {
        MachineStatus::Ram => memory(&read("/proc/meminfo")),
        MachineStatus::Average => load(&read("/proc/loadavg")),
        MachineStatus::Uptime => named(&["os_uptime", "os_idle"], read("/proc/uptime").split_whitespace()),
        MachineStatus::Filesystem => file_system(),
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

fn named<'a>(names: &[&str], values: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    names.iter().zip(values).map(|(&name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `MemTotal:  16384 kB`, a line each.
fn memory(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// `0.20 0.18 0.12 1/80 11206`: averages over 1, 5 and 15 minutes, processes running and in all, and the last one's
/// number.
fn load(text: &str) -> Vec<(String, String)> {
    let names = ["load_avg_1", "load_avg_2", "load_avg_3", "running_processes", "total_processes"];
    named(&names, text.split([' ', '/']))
}

/// The root file system, as `df` shows it: in KiB, and the share used in percent.
fn file_system() -> Vec<(String, String)> {
    const ROOT: &str = "/";
    const KIB: u64 = 1024;
    let Ok(found) = rustix::fs::statvfs(ROOT) else { return Vec::new() };
    let kib = |blocks: u64| blocks.saturating_mul(found.f_frsize) / KIB;
    let used = found.f_blocks.saturating_sub(found.f_bfree);
    let percent = used.saturating_mul(100).div_ceil((used + found.f_bavail).max(1));
    [
        ("flag", "filesystem".to_owned()),
        ("filesystem", ROOT.to_owned()),
        ("size", kib(found.f_blocks).to_string()),
        ("used", kib(used).to_string()),
        ("available", kib(found.f_bavail).to_string()),
        ("use", format!("{percent}%")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(status: &[(String, String)]) -> Vec<(&str, &str)> {
        status.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn load_and_memory_are_read_from_the_kernels_text() {
        assert_eq!(
            pairs(&load("0.20 0.18 0.12 1/80 11206\n")),
            [
                ("load_avg_1", "0.20"),
                ("load_avg_2", "0.18"),
                ("load_avg_3", "0.12"),
                ("running_processes", "1"),
                ("total_processes", "80"),
            ],
        );
        assert_eq!(
            pairs(&memory("MemTotal:       16384 kB\nHugePages_Total:       0\n")),
            [("MemTotal", "16384 kB"), ("HugePages_Total", "0")],
        );
    }

    #[test]
    fn this_machine_has_a_root_file_system() {
        let status = file_system();
        assert_eq!(status[1].1, "/");
        assert!(status[2].1.parse::<u64>().unwrap() > 0);
        assert!(status[5].1.ends_with('%'));
    }
}
