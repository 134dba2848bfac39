//! A range of keys.

use std::ops::Bound;

use super::Key;

/// A range of keys by its ends.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyBounds {
    /// Where it begins.
    pub lower: Bound<Key>,
    /// Where it ends.
    pub upper: Bound<Key>,
}

impl KeyBounds {
    /// Every key.
    pub fn all() -> Self {
        KeyBounds { lower: Bound::Unbounded, upper: Bound::Unbounded }
    }

    /// Every key that starts with these bytes.
    pub fn prefix(prefix: &[u8]) -> Self {
        let upper = super::keycode::after_prefix(prefix.to_vec());
        KeyBounds {
            lower: Bound::Included(prefix.into()),
            upper: upper.map_or(Bound::Unbounded, |upper| Bound::Excluded(upper.into())),
        }
    }

    /// Whether no key can be in it.
    pub fn is_empty(&self) -> bool {
        match (&self.lower, &self.upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (
                Bound::Included(lower) | Bound::Excluded(lower),
                Bound::Included(upper) | Bound::Excluded(upper),
            ) => lower >= upper,
        }
    }

    /// The part behind a key, in the direction of reading.
    pub fn go_on_after(&mut self, key: Key, reverse: bool) {
        if reverse {
            self.upper = Bound::Excluded(key);
        } else {
            self.lower = Bound::Excluded(key);
        }
    }

    /// The part up to a key and with it, in the direction of reading.
    pub fn up_to(&self, key: Key, reverse: bool) -> Self {
        let mut part = self.clone();
        if reverse {
            part.lower = Bound::Included(key);
        } else {
            part.upper = Bound::Included(key);
        }
        part
    }

    /// The bounds as ranges take them. The range must not be empty.
    pub fn as_slices(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (as_slice(&self.lower), as_slice(&self.upper))
    }

    /// Whether a key is not below the range.
    pub fn is_after_lower(&self, key: &[u8]) -> bool {
        match &self.lower {
            Bound::Unbounded => true,
            Bound::Included(lower) => key >= &**lower,
            Bound::Excluded(lower) => key > &**lower,
        }
    }

    /// Whether a key is not above the range.
    pub fn is_before_upper(&self, key: &[u8]) -> bool {
        match &self.upper {
            Bound::Unbounded => true,
            Bound::Included(upper) => key <= &**upper,
            Bound::Excluded(upper) => key < &**upper,
        }
    }
}

fn as_slice(bound: &Bound<Key>) -> Bound<&[u8]> {
    match bound {
        Bound::Unbounded => Bound::Unbounded,
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
    }
}
