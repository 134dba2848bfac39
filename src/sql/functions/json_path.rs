//! Paths into JSON documents, as MariaDB's functions take them: `$.a."b c"[1]`, `$.*`, `$[last]`, `$[1 to 3]`, `$**.a`.

use std::{borrow::Cow, cmp::Reverse, fmt, ptr};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Documents whose arrays and objects stand this deep in each other are refused, and paths of so many steps, as MariaDB does.
pub(super) const MAX_DEPTH: usize = 32;

/// A path, which may lead to several parts of a document.
#[derive(Debug, PartialEq)]
pub(super) struct Path<'a> {
    steps: Vec<Step<'a>>,
}

/// From a part to some of its own.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    /// `.name`
    Member(&'a str),
    /// `.*`
    Members,
    /// `[1]`
    Element(Place),
    /// `[1 to last]`
    Elements(Place, Place),
    /// `**`: the part itself, and all in it.
    Descendants,
}

/// An element's number, from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    FromStart(usize),
    /// 0 is the last one.
    FromEnd(usize),
}

/// What is wrong with a path's text.
#[derive(Debug, PartialEq)]
pub(super) enum PathError {
    /// Something is missing at its end.
    End,
    /// The character at this position, from 1, cannot stand there.
    Syntax(usize),
    /// The step that ends at this position, from 0, is one too many.
    Depth(usize),
}

impl<'a> Path<'a> {
    /// Reads a path.
    pub fn parse(text: &'a str) -> Result<Self, PathError> {
        let fail = |rest: &str| match rest {
            "" => PathError::End,
            rest => PathError::Syntax(position(text, rest)),
        };
        let start = text.strip_prefix("lax").unwrap_or(text).trim_start();
        let mut rest = start.strip_prefix('$').ok_or_else(|| fail(start))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = read_step(rest).map_err(fail)?;
            steps.push(step);
            rest = after;
            if steps.len() >= MAX_DEPTH {
                return Err(PathError::Depth(position(text, rest) - 2));
            }
        }
        match steps.last() {
            // It must be said which of them.
            Some(Step::Descendants) => Err(PathError::Syntax(position(text, ""))),
            _ => Ok(Path { steps }),
        }
    }

    /// Whether it leads to any number of parts.
    pub fn has_wildcards(&self) -> bool {
        self.steps.iter().any(|step| !matches!(step, Step::Member(_) | Step::Element(_)))
    }

    /// The parts of a document that it leads to, in their order.
    pub fn find<'d>(&self, document: &'d RawValue) -> Vec<&'d RawValue> {
        let mut parts = vec![document];
        for step in &self.steps {
            parts = step.follow_all(&parts);
            in_order(&mut parts);
        }
        parts
    }
}

/// The position of a text's end, from 1 and in characters.
fn position(text: &str, end: &str) -> usize {
    text[..text.len() - end.len()].chars().count() + 1
}

/// Brings parts of one document into its order, each once.
pub(super) fn in_order(parts: &mut Vec<&RawValue>) {
    parts.sort_by_key(|part| (part.get().as_ptr(), Reverse(part.get().len())));
    parts.dedup_by_key(|part| (part.get().as_ptr(), part.get().len()));
}

/// The first step of a text, and what follows; an error is the text from the wrong place on.
fn read_step(text: &str) -> Result<(Step<'_>, &str), &str> {
    if let Some(rest) = text.strip_prefix("**") {
        return Ok((Step::Descendants, rest));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix('*') {
            let all = Step::Elements(Place::FromStart(0), Place::FromEnd(0));
            return Ok((all, rest.trim_start().strip_prefix(']').ok_or(rest)?));
        }
        let (first, rest) = read_place(rest)?;
        let to = rest.strip_prefix(' ').and_then(|rest| rest.trim_start().strip_prefix("to "));
        let (step, rest) = match to {
            Some(rest) => {
                let (last, rest) = read_place(rest.trim_start())?;
                (Step::Elements(first, last), rest)
            }
            None => (Step::Element(first), rest),
        };
        let rest = rest.trim_start();
        return Ok((step, rest.strip_prefix(']').ok_or(rest)?));
    }
    let rest = text.strip_prefix('.').ok_or(text)?;
    if let Some(rest) = rest.strip_prefix('*') {
        return Ok((Step::Members, rest));
    }
    let (name, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("")?,
        None => rest.split_at(rest.find(['.', '[', '*']).unwrap_or(rest.len())),
    };
    if name.is_empty() { Err(rest) } else { Ok((Step::Member(name), after)) }
}

/// `1`, `-1`, `last` or `last-1`.
fn read_place(text: &str) -> Result<(Place, &str), &str> {
    let (from_end, digits) = match (text.strip_prefix("last"), text.strip_prefix('-')) {
        (Some(rest), _) => match rest.trim_start().strip_prefix('-') {
            Some(digits) => (Some(0), digits),
            None => return Ok((Place::FromEnd(0), rest)),
        },
        // -1 is the last one.
        (None, Some(digits)) => (Some(1), digits),
        (None, None) => (None, text),
    };
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: usize = digits[..digits.len() - rest.len()].parse().map_err(|_| rest)?;
    Ok(match from_end {
        None => (Place::FromStart(number), rest),
        Some(less) => (Place::FromEnd(number.checked_sub(less).ok_or(text)?), rest),
    })
}

impl Step<'_> {
    /// What it leads to from parts that are in order; some of it may come several times.
    fn follow_all<'d>(&self, parts: &[&'d RawValue]) -> Vec<&'d RawValue> {
        let (mut found, mut passed) = (Vec::new(), ptr::null());
        for part in parts {
            let place = part.get().as_bytes().as_ptr_range();
            // What stands in another part is found among its descendants.
            if *self != Step::Descendants || place.start >= passed {
                self.follow(part, &mut found);
                passed = place.end;
            }
        }
        found
    }

    fn follow<'d>(&self, part: &'d RawValue, found: &mut Vec<&'d RawValue>) {
        match self {
            Step::Member(name) => {
                found.extend(members(part).iter().find(|(member, _)| member == name).map(|(_, part)| *part));
            }
            Step::Members => found.extend(members(part).iter().map(|(_, part)| *part)),
            Step::Element(place) => match elements(part) {
                Some(elements) => {
                    found.extend(place.index(elements.len()).and_then(|index| elements.get(index).copied()));
                }
                // What is no array is the only element of itself.
                None if *place == Place::FromStart(0) => found.push(part),
                None => {}
            },
            Step::Elements(first, last) => {
                let elements = elements(part).unwrap_or_default();
                let first = first.index(elements.len());
                let last = last.index(elements.len()).map(|last| last.min(elements.len().saturating_sub(1)));
                if let (Some(first), Some(last)) = (first, last) {
                    found.extend(elements.get(first..=last).unwrap_or_default());
                }
            }
            Step::Descendants => descend(part, found),
        }
    }
}

impl Place {
    /// Its index among so many; None if it is before the first.
    fn index(self, count: usize) -> Option<usize> {
        match self {
            Place::FromStart(index) => Some(index),
            Place::FromEnd(index) => count.checked_sub(1)?.checked_sub(index),
        }
    }
}

/// A part and all in it. As deep as a document may be.
fn descend<'d>(part: &'d RawValue, found: &mut Vec<&'d RawValue>) {
    found.push(part);
    for (_, part) in members(part) {
        descend(part, found);
    }
    for part in elements(part).unwrap_or_default() {
        descend(part, found);
    }
}

/// The elements of an array; None if it is none.
fn elements(part: &RawValue) -> Option<Vec<&RawValue>> {
    if part.get().starts_with('[') { serde_json::from_str(part.get()).ok() } else { None }
}

/// The members of an object, in their order; none if it is no object.
fn members(part: &RawValue) -> Vec<(Cow<'_, str>, &RawValue)> {
    if !part.get().starts_with('{') {
        return Vec::new();
    }
    serde_json::from_str::<Members<'_>>(part.get()).map(|members| members.0).unwrap_or_default()
}

/// An object's members, also those of one name.
struct Members<'d>(Vec<(Cow<'d, str>, &'d RawValue)>);

/// A name, which is a copy only if it has escapes.
#[derive(Deserialize)]
struct Name<'d>(#[serde(borrow)] Cow<'d, str>);

impl<'d> Deserialize<'d> for Members<'d> {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'d> Visitor<'d> for Collect {
            type Value = Members<'d>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<Members<'d>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), part)) = map.next_entry()? {
                    members.push((name, part));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_of_descendants_are_looked_for_once() {
        let document = format!("{}1, 2{}", "[".repeat(20), "]".repeat(20));
        let all = Step::Descendants.follow_all(&[serde_json::from_str(&document).unwrap()]);
        assert_eq!(all.len(), 22);
        assert_eq!(Step::Descendants.follow_all(&all).len(), 22);
        let apart: Vec<&RawValue> = serde_json::from_str("[[1], [2]]").unwrap();
        assert_eq!(Step::Descendants.follow_all(&apart).len(), 4);
    }
}
