//! Executable comments: `/*!50002 ... */` and `/*M!100100 ... */` are code for servers of that version or later.

use std::borrow::Cow;

use super::scan::{Kind, Scanner};

/// The MariaDB version whose executable comments we execute: 10.11.0.
const VERSION: u32 = 101_100;
/// Comments for MySQL 5.7 to 8 that MariaDB leaves alone (it and MySQL part there).
const MYSQL_ONLY: std::ops::Range<u32> = 50_700..100_000;

/// The text with executable comments replaced by their content, or by a space if they are for others.
pub(super) fn expand(text: &str) -> Cow<'_, str> {
    if !text.contains("/*!") && !text.contains("/*M!") {
        return Cow::Borrowed(text);
    }
    let mut expanded = String::with_capacity(text.len());
    for piece in Scanner::new(text) {
        let source = &text[piece.start..piece.end];
        if piece.kind != Kind::Executable {
            expanded.push_str(source);
            continue;
        }
        let mariadb_only = source.starts_with("/*M");
        let body = source.trim_start_matches("/*").trim_start_matches('M').trim_start_matches('!');
        let body = body.strip_suffix("*/").unwrap_or(body);
        let digits = body.bytes().take(6).take_while(u8::is_ascii_digit).count();
        // Five or six digits are a version; fewer belong to the code.
        let (version, code) = if digits >= 5 { body.split_at(digits) } else { ("0", body) };
        let version: u32 = version.parse().unwrap_or(u32::MAX);
        expanded.push(' ');
        if version <= VERSION && (mariadb_only || !MYSQL_ONLY.contains(&version)) {
            expanded.push_str(code);
        }
        expanded.push(' ');
    }
    Cow::Owned(expanded)
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn executes_what_is_for_our_version() {
        assert_eq!(expand("show /*!50002 GLOBAL */ status"), "show   GLOBAL   status");
        assert_eq!(expand("select 1 /*!99999 + 1 */"), "select 1   ");
        assert_eq!(expand("select 1 /*!50701 + 1 */"), "select 1   ");
        assert_eq!(expand("select 1 /*M!100100 + 1 */"), "select 1   + 1  ");
        assert_eq!(expand("select 1 /*! + 1 */"), "select 1   + 1  ");
        assert_eq!(expand("select '/*!50002 x */'"), "select '/*!50002 x */'");
    }
}
