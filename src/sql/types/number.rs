//! Numbers in text: how much of a text is a number, and which.

use bigdecimal::{BigDecimal, RoundingMode, num_bigint::BigInt};

use super::decimal;

/// A number read from the start of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed<T> {
    /// The number; 0 if the text does not start with one.
    pub value: T,
    /// What the text is besides the number.
    pub rest: Rest,
}

/// What is left of a text after the number at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// Spaces only.
    Spaces,
    /// Other characters, or there is no number, or it is too large and the value is the nearest possible.
    Garbage,
}

/// The parts of `[+-]digits[.digits][e[+-]digits]` at the start of a text.
struct Scan<'a> {
    negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
    /// The number without leading spaces, as `str::parse` takes it.
    number: &'a str,
    rest: &'a str,
}

impl Scan<'_> {
    fn rest(&self) -> Rest {
        if self.integer.is_empty() && self.fraction.is_empty() {
            Rest::Garbage
        } else if self.rest.is_empty() {
            Rest::Nothing
        } else if self.rest.chars().all(is_space) {
            Rest::Spaces
        } else {
            Rest::Garbage
        }
    }
}

/// Whether MariaDB counts it as a space.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn scan(text: &str) -> Scan<'_> {
    let start = text.trim_start_matches(is_space);
    let (negative, unsigned) = match start.as_bytes().first() {
        Some(b'-') => (true, &start[1..]),
        Some(b'+') => (false, &start[1..]),
        _ => (false, start),
    };
    let (integer, rest) = digits(unsigned);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    let (exponent, rest) = exponent(rest);
    Scan { negative, integer, fraction, exponent, number: &start[..start.len() - rest.len()], rest }
}

/// The exponent at the start of a text, 0 if there is none; and what follows.
fn exponent(text: &str) -> (i64, &str) {
    let Some(after) = text.strip_prefix(['e', 'E']) else { return (0, text) };
    let (negative, after) = match after.as_bytes().first() {
        Some(b'-') => (true, &after[1..]),
        Some(b'+') => (false, &after[1..]),
        _ => (false, after),
    };
    let (digits, rest) = digits(after);
    if digits.is_empty() {
        return (0, text);
    }
    let magnitude = digits.parse::<i32>().unwrap_or(i32::MAX);
    (i64::from(if negative { -magnitude } else { magnitude }), rest)
}

/// The integer at the start of a text, within the range of BIGINT and BIGINT UNSIGNED. Stops at a point.
pub fn parse_integer(text: &str) -> Parsed<i128> {
    let scan = scan(text);
    let magnitude = scan.integer.parse::<u64>();
    let (value, fits) = match (scan.negative, magnitude, scan.integer.is_empty()) {
        (_, _, true) => (0, false),
        (false, Ok(magnitude), _) => (i128::from(magnitude), true),
        (false, Err(_), _) => (i128::from(u64::MAX), false),
        (true, Ok(magnitude), _) if magnitude <= 1 << 63 => (-i128::from(magnitude), true),
        (true, ..) => (i128::from(i64::MIN), false),
    };
    let start = text.trim_start_matches(is_space).trim_start_matches(['+', '-']);
    let rest = &start[scan.integer.len()..];
    let rest = match rest {
        _ if !fits => Rest::Garbage,
        "" => Rest::Nothing,
        _ if rest.chars().all(is_space) => Rest::Spaces,
        _ => Rest::Garbage,
    };
    Parsed { value, rest }
}

/// The floating point number at the start of a text.
pub fn parse_double(text: &str) -> Parsed<f64> {
    let scan = scan(text);
    let rest = scan.rest();
    // A sign or a point alone does not parse; `5.` and `.5` do.
    let value = scan.number.parse::<f64>().unwrap_or(0.0);
    if value.is_infinite() {
        return Parsed { value: f64::MAX.copysign(value), rest: Rest::Garbage };
    }
    Parsed { value, rest }
}

/// The exact number at the start of a text, of at most as many digits as a DECIMAL has.
pub fn parse_decimal(text: &str) -> Parsed<BigDecimal> {
    let scan = scan(text);
    let rest = scan.rest();
    let significant = scan.integer.trim_start_matches('0');
    let leading = if significant.is_empty() {
        let zeros = scan.fraction.len() - scan.fraction.trim_start_matches('0').len();
        -i64::try_from(zeros).unwrap_or(i64::MAX)
    } else {
        i64::try_from(significant.len()).unwrap_or(i64::MAX)
    };
    let is_zero = significant.is_empty() && scan.fraction.bytes().all(|digit| digit == b'0');
    if !is_zero && leading.saturating_add(scan.exponent) > decimal::MAX_INTERNAL_DIGITS {
        let value = decimal::max_value(scan.negative);
        return Parsed { value, rest: Rest::Garbage };
    }
    // Digits so far behind the point that no DECIMAL shows them are cut before they cost anything.
    let keep = decimal::MAX_INTERNAL_DIGITS.saturating_sub(scan.exponent).max(0);
    let fraction = &scan.fraction[..usize::try_from(keep).unwrap_or(usize::MAX).min(scan.fraction.len())];
    if is_zero || leading.saturating_add(scan.exponent) < -decimal::MAX_INTERNAL_DIGITS {
        let scale = i64::try_from(fraction.len()).unwrap_or(0).saturating_sub(scan.exponent);
        return Parsed { value: decimal::zero(scale.clamp(0, decimal::MAX_INTERNAL_DIGITS)), rest };
    }
    let mut all = String::with_capacity(significant.len() + fraction.len());
    all.push_str(significant);
    all.push_str(fraction);
    let digits = BigInt::parse_bytes(all.as_bytes(), 10).unwrap_or_default();
    let digits = if scan.negative { -digits } else { digits };
    let scale = i64::try_from(fraction.len()).unwrap_or(0) - scan.exponent;
    let value = BigDecimal::new(digits, scale);
    let value = if scale < 0 { value.with_scale(0) } else { value };
    let value = if scale > decimal::MAX_INTERNAL_DIGITS {
        value.with_scale_round(decimal::MAX_INTERNAL_DIGITS, RoundingMode::Down)
    } else {
        value
    };
    Parsed { value, rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_digits_are_the_number() {
        let double = |text| {
            let parsed = parse_double(text);
            (parsed.value, parsed.rest)
        };
        assert_eq!(double("12abc"), (12.0, Rest::Garbage));
        assert_eq!(double(" 12 "), (12.0, Rest::Spaces));
        assert_eq!(double("-1.5e3"), (-1500.0, Rest::Nothing));
        assert_eq!(double("1e"), (1.0, Rest::Garbage));
        assert_eq!(double("."), (0.0, Rest::Garbage));
        assert_eq!(double(".5"), (0.5, Rest::Nothing));
        assert_eq!(double("5."), (5.0, Rest::Nothing));
        assert_eq!(double("1e400"), (f64::MAX, Rest::Garbage));
        assert_eq!(double("inf"), (0.0, Rest::Garbage));
        assert_eq!(double(""), (0.0, Rest::Garbage));
    }

    #[test]
    fn integers_stop_at_the_point_and_at_their_range() {
        let integer = |text| {
            let parsed = parse_integer(text);
            (parsed.value, parsed.rest)
        };
        assert_eq!(integer("18446744073709551615"), (i128::from(u64::MAX), Rest::Nothing));
        assert_eq!(integer("18446744073709551616"), (i128::from(u64::MAX), Rest::Garbage));
        assert_eq!(integer("-9223372036854775809"), (i128::from(i64::MIN), Rest::Garbage));
        assert_eq!(integer("+7.9"), (7, Rest::Garbage));
        assert_eq!(integer("-"), (0, Rest::Garbage));
    }

    #[test]
    fn decimals_of_any_exponent_stay_small() {
        let decimal = |text: &str| parse_decimal(text).value.to_plain_string();
        assert_eq!(decimal("1.50"), "1.50");
        assert_eq!(decimal("-12e2"), "-1200");
        assert_eq!(decimal("1e999999999999").len(), 65);
        assert_eq!(decimal("-1e81").len(), 66);
        assert_eq!(decimal("1e-999999999").trim_matches(['0', '.']), "");
        assert_eq!(decimal("0e999999999"), "0");
        assert_eq!(decimal(&"9".repeat(100_000)).len(), 65);
        assert!(decimal(&format!("0.{}", "3".repeat(100_000))).len() < 100);
    }
}
