//! GROUP_CONCAT.

use std::{borrow::Cow, cmp::Ordering};

use crate::sql::{
    functions::EvalContext,
    types::{ExprType, Level, Value, convert, sort_order},
};

/// What GROUP_CONCAT says besides its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConcat {
    /// For each expression of ORDER BY, whether it is DESC.
    pub descending: Vec<bool>,
    /// What stands between two rows.
    pub separator: String,
}

impl Default for GroupConcat {
    fn default() -> Self {
        GroupConcat { descending: Vec::new(), separator: ",".to_owned() }
    }
}

/// The rows of a GROUP_CONCAT.
#[derive(Debug, Default)]
pub(super) struct Concat {
    /// Without ORDER BY: the result so far, at most one row longer than the bound.
    text: Vec<u8>,
    /// With ORDER BY: the keys and the text of each row.
    rows: Vec<(Vec<Value>, Vec<u8>)>,
    count: usize,
    cut: bool,
}

impl Concat {
    /// Adds a row; returns how many more bytes are held.
    pub(super) fn add(
        &mut self,
        options: &GroupConcat,
        types: &[ExprType],
        values: &[Value],
        context: &EvalContext,
    ) -> usize {
        let texts =
            || types.iter().zip(values).filter_map(|(expr_type, value)| convert::to_bytes(value, expr_type));
        if options.descending.is_empty() {
            let before = self.text.len();
            self.append(&options.separator, texts(), context);
            return self.text.len() - before;
        }
        let mut text = Vec::new();
        texts().for_each(|part| text.extend_from_slice(&part));
        let keys: Vec<Value> = values[types.len()..].to_vec();
        let bytes = size_of::<(Vec<Value>, Vec<u8>)>()
            + text.len()
            + keys.iter().map(Value::size_in_memory).sum::<usize>();
        self.rows.push((keys, text));
        bytes
    }

    /// Appends a row to the result, within the bound.
    fn append<'a>(
        &mut self,
        separator: &str,
        parts: impl Iterator<Item = Cow<'a, [u8]>>,
        context: &EvalContext,
    ) {
        self.count += 1;
        if self.cut {
            return;
        }
        if self.count > 1 {
            self.text.extend_from_slice(separator.as_bytes());
        }
        parts.for_each(|part| self.text.extend_from_slice(&part));
        if self.text.len() > context.group_concat_bytes {
            self.cut = true;
            self.text.truncate(context.group_concat_bytes);
            let row = self.count;
            context.warnings.push(Level::Warning, 1260, || format!("Row {row} was cut by GROUP_CONCAT()"));
        }
    }

    /// The rows joined; NULL if there are none.
    pub(super) fn finish(
        &mut self,
        options: &GroupConcat,
        result: &ExprType,
        context: &EvalContext,
    ) -> Value {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_by(|(a, _), (b, _)| compare_keys(a, b, &options.descending));
        for (_, text) in &rows {
            self.append(&options.separator, std::iter::once(Cow::Borrowed(text.as_slice())), context);
        }
        if self.count == 0 {
            return Value::Null;
        }
        let bytes = std::mem::take(&mut self.text);
        if result.data_type.is_binary() {
            return Value::Bytes(bytes.into());
        }
        // A cut may have gone through a character.
        match String::from_utf8(bytes) {
            Ok(text) => Value::Text(text.into()),
            Err(error) => {
                let end = error.utf8_error().valid_up_to();
                Value::text(String::from_utf8_lossy(&error.as_bytes()[..end]))
            }
        }
    }
}

fn compare_keys(a: &[Value], b: &[Value], descending: &[bool]) -> Ordering {
    for ((a, b), descending) in a.iter().zip(b).zip(descending) {
        let ordering = sort_order(a, b);
        let ordering = if *descending { ordering.reverse() } else { ordering };
        if ordering.is_ne() {
            return ordering;
        }
    }
    Ordering::Equal
}
