//! What the name of a user means, and how it is shown.

use crate::sql::Tenant;

/// Characters of a user name that errors show; MySQL's names have 32 at most.
const SHOWN_USER: usize = 64;

/// The tenant that a user name stands for: its number, or 0 for `root` (notes 07, section 1).
pub(super) fn tenant_of(user: &[u8]) -> Option<Tenant> {
    if user == b"root" {
        return Some(0);
    }
    if !user.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(user).ok()?.parse().ok()
}

/// A user name fit for logs: short, and on one line.
pub(super) fn shown_user(user: &[u8]) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    String::from_utf8_lossy(user).chars().take(SHOWN_USER).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers_or_root() {
        for (user, tenant) in [
            (&b"root"[..], Some(0)),
            (b"0", Some(0)),
            (b"15", Some(15)),
            (b"999999", Some(999_999)),
            (b"bob", None),
            (b"", None),
            (b"-1", None),
            (b"+1", None),
            (b"15 ", None),
            (b"4294967296", None),
            (b"\xff", None),
        ] {
            assert_eq!(tenant_of(user), tenant, "{user:?}");
        }
    }
}
