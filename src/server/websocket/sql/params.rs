//! The values for the `?` of statements, as JSON has them: the same as in answers.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::sql::types::Value;

/// Most parameters of a request: as many as MySQL takes for one statement.
pub(super) const MAX_PARAMS: usize = 65_535;

/// Bytes, as answers have them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bytes {
    base64: String,
}

/// Reads a list of values. The error names the one that cannot be taken as it is.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = Vec<Value>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of parameters")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Value>, A::Error> {
            let mut values = Vec::new();
            while let Some(json) = list.next_element::<&RawValue>()? {
                let number = values.len() + 1;
                if number > MAX_PARAMS {
                    return Err(A::Error::custom(format_args!("a request has 0..{MAX_PARAMS} parameters")));
                }
                let value = value(json.get());
                values.push(
                    value.map_err(|reason| A::Error::custom(format_args!("parameter {number}: {reason}")))?,
                );
            }
            Ok(values)
        }
    }

    deserializer.deserialize_seq(List)
}

/// One value, exactly as it was sent, or why there is none like it.
fn value(json: &str) -> Result<Value, String> {
    Ok(match json.as_bytes() {
        b"null" => Value::Null,
        b"true" => Value::Int(1),
        b"false" => Value::Int(0),
        [b'"', ..] => {
            Value::text(serde_json::from_str::<Cow<'_, str>>(json).map_err(|error| error.to_string())?)
        }
        [b'{', ..] => {
            let Bytes { base64 } = serde_json::from_str(json).map_err(|error| error.to_string())?;
            Value::Bytes(STANDARD.decode(base64).map_err(|error| error.to_string())?.into())
        }
        [b'[', ..] => return Err("a list is no value".to_owned()),
        _ => number(json)?,
    })
}

/// JavaScript's numbers are DOUBLE; without a fraction and an exponent they are integers, as in SQL.
fn number(json: &str) -> Result<Value, String> {
    if json.contains(['.', 'e', 'E']) {
        let number = json.parse().ok().filter(|number: &f64| number.is_finite());
        return number.map(Value::Double).ok_or_else(|| format!("{json} is too large for a DOUBLE"));
    }
    json.parse()
        .map(Value::Int)
        .or_else(|_| json.parse().map(Value::UInt))
        .map_err(|_| format!("{json} has more than 64 bits: send it as text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Params(#[serde(deserialize_with = "read")] Vec<Value>);

    fn params(json: &str) -> Result<Vec<Value>, String> {
        serde_json::from_str(json).map(|Params(values)| values).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_exact() {
        for (json, value) in [
            ("null", Value::Null),
            ("true", Value::Int(1)),
            ("false", Value::Int(0)),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("9223372036854775807", Value::Int(i64::MAX)),
            ("18446744073709551615", Value::UInt(u64::MAX)),
            ("-0", Value::Int(0)),
            ("1.0", Value::Double(1.0)),
            ("1e300", Value::Double(1e300)),
            ("0.1", Value::Double(0.1)),
            (r#""\u005a\"\\''""#, Value::text("Z\"\\''")),
            (r#"{"base64":"/wA="}"#, Value::Bytes([0xff, 0].as_slice().into())),
        ] {
            assert_eq!(params(&format!("[ {json} ]")), Ok(vec![value]), "{json}");
        }
    }

    #[test]
    fn what_would_change_is_refused_and_named() {
        for (json, reason) in [
            ("18446744073709551616", "18446744073709551616 has more than 64 bits: send it as text"),
            ("-9223372036854775809", "-9223372036854775809 has more than 64 bits: send it as text"),
            ("1e309", "1e309 is too large for a DOUBLE"),
            (r#""\ud800""#, ""),
            (r#"{"base64":"*"}"#, "Invalid"),
            (r#"{"base64":"","more":1}"#, "unknown field"),
            ("{}", "missing field"),
            ("[1]", "a list is no value"),
        ] {
            let error = params(&format!("[1,{json}]")).unwrap_err();
            assert!(error.contains("parameter 2: ") && error.contains(reason), "{json}: {error}");
        }
        for json in ["1", "null", "{}", "\"\"", "[1", "[1 2]", "[nan]"] {
            assert!(params(json).is_err(), "{json}");
        }
    }

    #[test]
    fn there_are_not_too_many() {
        let list = |count| format!("[{}]", vec!["0"; count].join(","));
        assert_eq!(params(&list(MAX_PARAMS)).unwrap().len(), MAX_PARAMS);
        assert!(params(&list(MAX_PARAMS + 1)).unwrap_err().contains("0..65535 parameters"));
    }
}
