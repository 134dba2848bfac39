//! Typed look-ups in a file, which remember what was asked for and what was wrong.

use std::{collections::BTreeSet, fmt::Display, net::IpAddr, time::Duration};

use ipnet::IpNet;

use super::{
    Problem,
    ini::{Entry, Ini, Item},
};

/// Hands out the values of a file by type. A value that does not fit is noted as a problem and its default used, so
/// that one start names every problem of the file.
pub(super) struct Reader<'a> {
    ini: &'a Ini,
    used: BTreeSet<(String, String)>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub fn new(ini: &'a Ini) -> Self {
        Reader { ini, used: BTreeSet::new(), problems: Vec::new() }
    }

    /// The value as the function reads it; what it does not take is a problem that says what is allowed.
    pub fn get<T>(
        &mut self,
        section: &str,
        key: &str,
        allowed: impl Display,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let item = self.entry(section, key)?.value.as_ref()?;
        let value = read(&item.text);
        if value.is_none() {
            self.problem(section, key, item, format!("must be {allowed}, found '{}'", item.text));
        }
        value
    }

    /// Text as it stands.
    pub fn text(&mut self, section: &str, key: &str) -> Option<String> {
        self.get(section, key, "text", |text| Some(text.to_owned()))
    }

    /// On or off.
    pub fn switch(&mut self, section: &str, key: &str, default: bool) -> bool {
        self.get(section, key, "true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Some(true),
            "false" | "off" | "no" | "0" => Some(false),
            _ => None,
        })
        .unwrap_or(default)
    }

    /// A number within bounds.
    pub fn number(&mut self, section: &str, key: &str, min: u32, max: u32, default: u32) -> u32 {
        self.get(section, key, format_args!("a number {min}..{max}"), |text| {
            text.parse().ok().filter(|number| (min..=max).contains(number))
        })
        .unwrap_or(default)
    }

    /// A number of things within bounds.
    pub fn count(&mut self, section: &str, key: &str, min: u32, max: u32, default: u32) -> usize {
        usize::try_from(self.number(section, key, min, max, default)).unwrap_or(usize::MAX)
    }

    /// A TCP port.
    pub fn port(&mut self, section: &str, key: &str, default: u16) -> u16 {
        self.get(section, key, "a number 1..65535", |text| text.parse().ok().filter(|port| *port > 0))
            .unwrap_or(default)
    }

    /// An IP address.
    pub fn address(&mut self, section: &str, key: &str, default: IpAddr) -> IpAddr {
        self.get(section, key, "an IP address", |text| text.parse().ok()).unwrap_or(default)
    }

    /// Addresses and networks of addresses; none if it is `off`.
    pub fn networks(&mut self, section: &str, key: &str) -> Option<Vec<IpNet>> {
        let network = |text: &str| {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        };
        let allowed = "addresses or networks such as 10.0.0.0/8, with commas, or off";
        self.get(section, key, allowed, |text| match text {
            "off" => Some(Vec::new()),
            list => list.split(',').map(network).collect(),
        })
    }

    /// Whether the section of one of CppComet's listeners asks for it: it says how many threads it has, or else where it
    /// is.
    pub fn is_wanted(&mut self, section: &str) -> bool {
        let threads = self.get(section, "thread_num", "a number", |text| text.parse::<u32>().ok());
        let placed = ["ip", "port"].map(|key| self.text(section, key).is_some()).contains(&true);
        threads.map_or(placed, |threads| threads > 0)
    }

    /// A number of bytes: `1048576`, `1024KB`, `1MB`; units are powers of 1024.
    pub fn bytes(&mut self, section: &str, key: &str, min: u64, max: u64, default: u64) -> u64 {
        let allowed = format!("a size {}..{} such as 64MB", print_bytes(min), print_bytes(max));
        self.get(section, key, allowed, |text| parse_bytes(text).filter(|bytes| (min..=max).contains(bytes)))
            .unwrap_or(default)
    }

    /// A span of time: `30`, `30s`, `500ms`, `5m`, `8h`; a bare number is seconds.
    pub fn duration(
        &mut self,
        section: &str,
        key: &str,
        min: Duration,
        max: Duration,
        default: Duration,
    ) -> Duration {
        let allowed = format!("a time {min:?}..{max:?} such as 30s, 5m or 8h");
        self.get(section, key, allowed, |text| parse_duration(text).filter(|time| (min..=max).contains(time)))
            .unwrap_or(default)
    }

    /// How failed logins wait for each other at a port: how many of a user at an address do not, and how long each further
    /// one takes.
    pub fn failed_logins(&mut self, section: &str) -> (u32, Duration) {
        let delay = self.duration(
            section,
            "failed_login_delay",
            Duration::ZERO,
            Duration::from_secs(60),
            Duration::from_secs(1),
        );
        (self.number(section, "failed_login_burst", 1, 1_000, 10), delay)
    }

    /// A span of time, or `off`, the default.
    pub fn duration_or_off(
        &mut self,
        section: &str,
        key: &str,
        min: Duration,
        max: Duration,
    ) -> Option<Duration> {
        let allowed = format!("off or a time {min:?}..{max:?} such as 30s, 5m or 8h");
        self.get(section, key, allowed, |text| match text {
            "off" => Some(None),
            text => parse_duration(text).filter(|time| (min..=max).contains(time)).map(Some),
        })
        .flatten()
    }

    /// The `[]` values of a key, each as the function reads it.
    pub fn list<T>(
        &mut self,
        section: &str,
        key: &str,
        mut read: impl FnMut(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(entry) = self.entry(section, key) else { return Vec::new() };
        if let Some(item) = &entry.value {
            self.problem(section, key, item, format!("must start with '[]', found '{}'", item.text));
        }
        let mut values = Vec::new();
        for item in &entry.list {
            match read(&item.text) {
                Ok(value) => values.push(value),
                Err(text) => self.problem(section, key, item, text),
            }
        }
        values
    }

    /// Notes that a value does not go with others; nothing if there is none.
    pub fn refuse(&mut self, section: &str, key: &str, text: &str) {
        if let Some(item) = self.entry(section, key).and_then(|entry| entry.value.as_ref()) {
            self.problem(section, key, item, text);
        }
    }

    /// The keys that were not asked for with the line of each, and what was wrong.
    pub fn finish(self) -> (Vec<(&'a str, &'a str, usize)>, Vec<Problem>) {
        let unread = self
            .ini
            .iter()
            .filter(|(name, _)| !self.used.contains(*name))
            .map(|((section, key), entry)| (section.as_str(), key.as_str(), entry.line()))
            .collect();
        (unread, self.problems)
    }

    fn entry(&mut self, section: &str, key: &str) -> Option<&'a Entry> {
        let name = (section.to_owned(), key.to_owned());
        let entry = self.ini.get(&name);
        self.used.insert(name);
        entry
    }

    fn problem(&mut self, section: &str, key: &str, item: &Item, text: impl Display) {
        self.problems.push(Problem { line: item.line, text: format!("[{section}] {key} {text}") });
    }
}

const KIB: u64 = 1024;
const BYTE_UNITS: [(&str, u64); 7] = [
    ("KB", KIB),
    ("MB", KIB * KIB),
    ("GB", KIB * KIB * KIB),
    ("K", KIB),
    ("M", KIB * KIB),
    ("G", KIB * KIB * KIB),
    ("", 1),
];

fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_uppercase();
    let (number, unit) = BYTE_UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
}

fn print_bytes(bytes: u64) -> String {
    let (name, unit) = BYTE_UNITS[..3]
        .iter()
        .rev()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .unwrap_or(&("", 1));
    format!("{}{name}", bytes / unit)
}

fn parse_duration(text: &str) -> Option<Duration> {
    const MILLISECONDS: [(&str, u64); 5] =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("", 1_000)];
    let (number, unit) =
        MILLISECONDS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    Some(Duration::from_millis(number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("7", 7), ("2KB", 2_048), ("2 mb", 2_097_152), ("1G", 1_073_741_824)] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "MB", "-1", "1.5MB", "1TB", "99999999999GB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
        assert_eq!(print_bytes(64 * KIB * KIB), "64MB");
        assert_eq!(print_bytes(1_025), "1025");
    }

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in
            [("7", 7_000), ("7s", 7_000), ("250ms", 250), ("2 m", 120_000), ("8h", 28_800_000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "-1s", "1.5s", "1d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
