//! Keys keep the order of the values in them, and give the values back; bytes that are no key are refused.
#![no_main]

use std::cmp::Ordering;

use arbitrary::Arbitrary;
use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, TimeDelta};
use cometql::{
    sql::types::{Value, sort_order},
    store::keycode::{decode, encode},
};
use libfuzzer_sys::fuzz_target;

/// Two values of one column, and what follows them in the key.
#[derive(Arbitrary, Debug)]
enum Pair {
    Integers(Integer, Integer),
    Doubles(f64, f64),
    Decimals((i128, i8), (i128, i8)),
    Texts(String, String),
    Bytes(Vec<u8>, Vec<u8>),
    Dates(i32, i32),
    Times(i32, i32),
    Moments(i64, i64),
}

#[derive(Arbitrary, Debug)]
enum Integer {
    Signed(i64),
    Unsigned(u64),
}

impl Pair {
    /// The two, where they can be values of a column.
    fn values(self) -> Option<(Value, Value)> {
        let integer = |integer| match integer {
            Integer::Signed(number) => Value::Int(number),
            Integer::Unsigned(number) => Value::UInt(number),
        };
        let double = |number: f64| (!number.is_nan()).then_some(Value::Double(number));
        let decimal = |(digits, scale): (i128, i8)| {
            Value::Decimal(Box::new(BigDecimal::new(digits.into(), scale.into())))
        };
        let date = |days| NaiveDate::from_num_days_from_ce_opt(days).map(Value::Date);
        let time = |seconds: i32| Value::Time(TimeDelta::seconds(seconds.into()));
        let moment = |micros| {
            DateTime::from_timestamp_micros(micros).map(|moment| Value::DateTime(moment.naive_utc()))
        };
        Some(match self {
            Pair::Integers(a, b) => (integer(a), integer(b)),
            Pair::Doubles(a, b) => (double(a)?, double(b)?),
            Pair::Decimals(a, b) => (decimal(a), decimal(b)),
            Pair::Texts(a, b) => (Value::text(a), Value::text(b)),
            Pair::Bytes(a, b) => (Value::Bytes(a.into()), Value::Bytes(b.into())),
            Pair::Dates(a, b) => (date(a)?, date(b)?),
            Pair::Times(a, b) => (time(a), time(b)),
            Pair::Moments(a, b) => (moment(a)?, moment(b)?),
        })
    }
}

fn key(value: &Value, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::new();
    encode(value, &mut key);
    key.extend(rest);
    key
}

fuzz_target!(|input: (Pair, [u8; 2], [u8; 2], Vec<u8>)| {
    let (pair, rest_a, rest_b, bytes) = input;
    if let Some((a, b)) = pair.values() {
        let order = sort_order(&a, &b);
        // What follows decides between equal values, and only between them.
        let expected = order.then(rest_a.cmp(&rest_b));
        assert_eq!(key(&a, &rest_a).cmp(&key(&b, &rest_b)), expected, "{a:?} {b:?}");
        let null = key(&Value::Null, &[]);
        for value in [a, b] {
            let encoded = key(&value, &[]);
            assert!(null < encoded);
            let mut rest = encoded.as_slice();
            let decoded = decode(&mut rest).unwrap();
            assert!(rest.is_empty());
            assert_eq!(sort_order(&value, &decoded), Ordering::Equal, "{value:?} {decoded:?}");
        }
    }
    let mut rest = bytes.as_slice();
    while let Ok(value) = decode(&mut rest) {
        let encoded = key(&value, &[]);
        let mut again = encoded.as_slice();
        assert_eq!(key(&decode(&mut again).unwrap(), &[]), encoded);
    }
});
