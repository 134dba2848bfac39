//! The `time_zone` of a session.

use chrono::{FixedOffset, Offset, Utc};

use crate::{
    error::{Error, Result},
    sql::functions::parse_time_zone,
};

/// The zone's name as it is kept: `SYSTEM`, `UTC`, or an offset as `+HH:MM`. Error 1298 for anything else: the names of
/// regions need tables that MariaDB does not have either before its operator loads them.
pub(super) fn normalize(name: &str) -> Result<String> {
    if let Some(known) = ["SYSTEM", "UTC"].iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return Ok((*known).to_owned());
    }
    let offset = parse_time_zone(name).ok_or_else(|| Error::UnknownTimeZone(name.to_owned()))?;
    Ok(offset.to_string())
}

/// The offset of a zone's name as [`normalize`] made it. The server's own zone is UTC: the engine knows no machine.
pub(super) fn offset(name: &str) -> FixedOffset {
    parse_time_zone(name).unwrap_or_else(|| Utc.fix())
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
