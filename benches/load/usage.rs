//! What a process uses, as Linux says.

use std::fs;

/// Processor time of all threads of a process so far, user and system.
pub fn processor_seconds(process_id: u32) -> f64 {
    /// USER_HZ, which is 100 on every Linux platform.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).expect("/proc/pid/stat");
    // The second field is the name in parentheses; utime and stime are the 14th and 15th.
    let after_name = stat.rsplit_once(')').expect("name").1;
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<f64>().expect("ticks"))
        .sum();
    ticks / TICKS_PER_SECOND
}

/// Resident memory of a process.
pub fn resident_megabytes(process_id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process_id}/status")).expect("/proc/pid/status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kilobytes: f64 = line.split_whitespace().nth(1).expect("kB").parse().expect("number");
    kilobytes / 1024.0
}
