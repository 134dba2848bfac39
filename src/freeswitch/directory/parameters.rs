//! The parameters of a request.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
};

/// The parameters of a query or of a form, decoded. A request has about a hundred.
pub struct Parameters<'a>(HashMap<Cow<'a, str>, Option<Cow<'a, str>>>);

impl<'a> Parameters<'a> {
    /// Decodes `name=value&name=value`: `%` escapes and `+`; bytes that are no UTF-8 become U+FFFD.
    pub fn decode(encoded: &'a [u8]) -> Self {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            match parameters.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(Some(value));
                }
                // FreeSWITCH says some of them twice. Which of two values it means, nobody knows.
                Entry::Occupied(mut entry) => {
                    if entry.get().as_ref() != Some(&value) {
                        entry.insert(None);
                    }
                }
            }
        }
        Parameters(parameters)
    }

    /// The value of a parameter; None if there is none, or several that differ.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_decoded() {
        let parameters = Parameters::decode(b"a=1%262&b%20c=x+y%2Bz&&d&=e&f=%C3%A9%ff&g=%zz%4");
        assert_eq!(parameters.get("a"), Some("1&2"));
        assert_eq!(parameters.get("b c"), Some("x y+z"));
        assert_eq!(parameters.get("d"), Some(""));
        assert_eq!(parameters.get("f"), Some("é\u{fffd}"));
        assert_eq!(parameters.get("g"), Some("%zz%4"));
        assert_eq!(parameters.get("h"), None);
    }

    #[test]
    fn a_parameter_with_two_values_has_none() {
        let parameters = Parameters::decode(b"section=directory&user=1&section=directory&user=2&user=1");
        assert_eq!(parameters.get("section"), Some("directory"));
        assert_eq!(parameters.get("user"), None);
    }
}
