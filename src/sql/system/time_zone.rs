//! Time zones as sessions name them: an offset, or one of the names of UTC.

use chrono::{FixedOffset, Offset, Utc};

use crate::error::{Error, Result};

/// Farthest that MariaDB lets an offset be, in minutes: `-12:59` to `+13:00`.
const OFFSETS: std::ops::RangeInclusive<i32> = -(12 * 60 + 59)..=13 * 60;

/// The zone's name as it is kept: offsets as `+HH:MM`. Error 1298 for anything else: the names of regions need tables
/// that MariaDB does not have either before its operator loads them.
pub(super) fn normalize(name: &str) -> Result<String> {
    if let Some(known) = ["SYSTEM", "UTC"].iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return Ok((*known).to_owned());
    }
    let minutes = minutes(name)
        .filter(|minutes| OFFSETS.contains(minutes))
        .ok_or_else(|| Error::UnknownTimeZone(name.to_owned()))?;
    let sign = if minutes < 0 { '-' } else { '+' };
    Ok(format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60))
}

/// The offset of a zone's name as [`normalize`] made it. The server's own zone is UTC: the engine knows no machine.
pub(super) fn offset(name: &str) -> FixedOffset {
    minutes(name).and_then(|minutes| FixedOffset::east_opt(minutes * 60)).unwrap_or_else(|| Utc.fix())
}

/// `+5:30` as minutes east of UTC.
fn minutes(name: &str) -> Option<i32> {
    let (sign, digits) = match name.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, name.strip_prefix('+')?),
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |digits: &str, max: i32| {
        let plain = matches!(digits.len(), 1 | 2) && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|number| plain && *number <= max)
    };
    Some(sign * (number(hours, 23)? * 60 + number(minutes, 59)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_written_out() {
        assert_eq!(normalize("+1:5").unwrap(), "+01:05");
        assert_eq!(normalize("-0:30").unwrap(), "-00:30");
        assert_eq!(normalize("system").unwrap(), "SYSTEM");
        assert_eq!(offset("-00:30").local_minus_utc(), -1800);
        assert_eq!(offset("SYSTEM").local_minus_utc(), 0);
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["+13:01", "-13:00", "+5", "5:00", "Europe/Berlin", "", "+1:60", "+-1:00", "+001:00"] {
            assert_eq!(normalize(name).unwrap_err().codes().0, 1298, "{name}");
        }
    }
}
