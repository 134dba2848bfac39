//! Arithmetic on DECIMAL as MariaDB does it: in words of nine digits, at most nine words.

use std::cmp::Ordering;

use bigdecimal::{
    BigDecimal, RoundingMode, ToPrimitive, Zero,
    num_bigint::{BigInt, Sign},
};

use super::MAX_DECIMAL_PRECISION;

/// Digits of a word.
const WORD: i64 = 9;
/// Words of a number.
const MAX_WORDS: i64 = 9;
/// Most digits that an intermediate result has before or after the point.
pub(crate) const MAX_INTERNAL_DIGITS: i64 = WORD * MAX_WORDS;

/// Words that so many digits take.
fn words(digits: i64) -> i64 {
    (digits + WORD - 1).div_euclid(WORD)
}

/// Digits after the point.
pub(crate) fn scale(value: &BigDecimal) -> i64 {
    value.fractional_digit_count()
}

/// Digits before the point, leading zeros not counted.
pub(crate) fn integer_digits(value: &BigDecimal) -> i64 {
    if value.is_zero() {
        return 0;
    }
    (i64::try_from(value.digits()).unwrap_or(i64::MAX) - scale(value)).max(0)
}

/// 0 with this many digits after the point.
pub(crate) fn zero(scale: i64) -> BigDecimal {
    BigDecimal::new(BigInt::zero(), scale)
}

/// The greatest, or least, DECIMAL without a fraction: 65 nines.
pub(crate) fn max_value(negative: bool) -> BigDecimal {
    max_of(MAX_DECIMAL_PRECISION, 0, negative)
}

/// The greatest, or least, value of DECIMAL(precision, scale).
pub(crate) fn max_of(precision: u8, scale: u8, negative: bool) -> BigDecimal {
    let nines: BigInt = BigInt::from(10).pow(u32::from(precision)) - 1;
    BigDecimal::new(if negative { -nines } else { nines }, i64::from(scale))
}

/// Rounded half away from zero to so many digits after the point.
pub(crate) fn round(value: &BigDecimal, scale: i64) -> BigDecimal {
    value.with_scale_round(scale, RoundingMode::HalfUp)
}

/// Rounded to an integer; None beyond i128.
pub(crate) fn to_integer(value: &BigDecimal) -> Option<i128> {
    if scale(value) == 0 { value.to_i128() } else { round(value, 0).to_i128() }
}

/// An exact number for a floating point one: its shortest decimal form. Huge ones become the greatest DECIMAL.
pub(crate) fn from_double(value: f64) -> BigDecimal {
    super::number::parse_decimal(&format!("{value:e}")).value
}

/// The nearest floating point number.
pub(crate) fn to_double(value: &BigDecimal) -> f64 {
    // Exact for what fits f64 exactly; otherwise the text decides, as there is only one rounding then.
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// The result if it has not too many digits before the point; excess digits after the point are cut off.
fn fit(value: BigDecimal) -> Option<BigDecimal> {
    let integer_words = words(integer_digits(&value));
    if integer_words > MAX_WORDS {
        return None;
    }
    let room = (MAX_WORDS - integer_words) * WORD;
    Some(if scale(&value) > room { value.with_scale_round(room, RoundingMode::Down) } else { value })
}

/// The sum; None on overflow.
pub(crate) fn add(a: &BigDecimal, b: &BigDecimal) -> Option<BigDecimal> {
    let scale = scale(a).max(scale(b));
    fit((a + b).with_scale(scale))
}

/// The difference; None on overflow.
pub(crate) fn subtract(a: &BigDecimal, b: &BigDecimal) -> Option<BigDecimal> {
    let scale = scale(a).max(scale(b));
    fit((a - b).with_scale(scale))
}

/// The product; None on overflow.
pub(crate) fn multiply(a: &BigDecimal, b: &BigDecimal) -> Option<BigDecimal> {
    let scale = (scale(a) + scale(b)).min(i64::from(super::MAX_DECIMAL_SCALE) + 1);
    let product = (a * b).with_scale_round(scale, RoundingMode::Down);
    fit(product)
}

/// The quotient, with at least `increment` more digits after the point than the dividend, in whole words.
/// `b` is not 0. None on overflow.
pub(crate) fn divide(a: &BigDecimal, b: &BigDecimal, increment: i64) -> Option<BigDecimal> {
    let (scale_a, scale_b) = (scale(a), scale(b));
    let (full_a, full_b) = (words(scale_a) * WORD, words(scale_b) * WORD);
    let increment = (increment - (full_a - scale_a) - (full_b - scale_b)).max(0);
    let scale = words(full_a + full_b + increment) * WORD;
    // a / b = (digits_a / 10^scale_a) / (digits_b / 10^scale_b)
    let (digits_a, _) = a.as_bigint_and_scale();
    let (digits_b, _) = b.as_bigint_and_scale();
    let shift = u32::try_from(scale + scale_b - scale_a).unwrap_or(0);
    let shifted = digits_a.as_ref() * BigInt::from(10).pow(shift);
    fit(BigDecimal::new(shifted / digits_b.as_ref(), scale))
}

/// The remainder, with the sign of the dividend. `b` is not 0.
pub(crate) fn remainder(a: &BigDecimal, b: &BigDecimal) -> BigDecimal {
    let scale = scale(a).max(scale(b));
    let digits = |value: &BigDecimal| value.with_scale(scale).into_bigint_and_scale().0;
    BigDecimal::new(digits(a) % digits(b), scale)
}

/// Cut or rounded up to an integer, kept as a decimal of scale 0.
pub(crate) fn to_whole(value: &BigDecimal, mode: RoundingMode) -> BigDecimal {
    value.with_scale_round(0, mode)
}

/// Compares with an integer.
pub(crate) fn compare_integer(a: &BigDecimal, b: i128) -> Ordering {
    // Most decimals differ from the integer in their whole part already.
    match (a.sign(), b.signum()) {
        (Sign::Minus, 0 | 1) | (Sign::NoSign, 1) => Ordering::Less,
        (Sign::Plus, 0 | -1) | (Sign::NoSign, -1) => Ordering::Greater,
        _ => a.cmp(&BigDecimal::from(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> BigDecimal {
        super::super::number::parse_decimal(text).value
    }

    #[test]
    fn quotients_come_in_words_of_nine_digits() {
        assert_eq!(divide(&decimal("1"), &decimal("3"), 4).unwrap().to_plain_string(), "0.333333333");
        assert_eq!(
            divide(&decimal("1.5"), &decimal("0.7"), 4).unwrap().to_plain_string(),
            "2.142857142857142857"
        );
    }

    #[test]
    fn remainders_take_the_dividends_sign() {
        assert_eq!(remainder(&decimal("-5.5"), &decimal("2")).to_plain_string(), "-1.5");
    }

    #[test]
    fn too_many_digits_overflow() {
        let nines = decimal(&"9".repeat(65));
        assert!(multiply(&nines, &nines).is_none());
        assert!(multiply(&nines, &decimal("1000000000000000")).is_some());
    }
}
