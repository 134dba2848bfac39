//! JSON in texts: `JSON_VALID`, `JSON_EXTRACT`, `JSON_UNQUOTE`, `JSON_VALUE`.

use serde_json::{Value as Json, value::RawValue};

use super::{
    ANY, Argument, Function, Invocation,
    call::any_nullable,
    json_path::{self, MAX_DEPTH, Path, PathError},
};
use crate::{
    error::Result,
    sql::types::{ExprType, Level, Value},
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("json_valid", (1, 1), |args| ExprType::boolean().nullable(any_nullable(args)), json_valid),
    Function::new("json_extract", (2, ANY), infer_document, json_extract),
    Function::new("json_unquote", (1, 1), infer_document, json_unquote),
    Function::new("json_value", (2, 2), infer_document, json_value),
];

/// JSON_UNQUOTE.
static TEXT: Function = Function::new("json_unquote", (1, 1), infer_document, json_unquote);
/// What a JSON scalar is as a number, still as text; statements cannot name it.
static NUMBER: Function = Function::new("json_number", (1, 1), infer_document, number);

/// The function that reads a piece of JSON as a text.
pub fn json_text() -> &'static Function {
    &TEXT
}

/// The function that reads a piece of JSON as a number.
pub fn json_number() -> &'static Function {
    &NUMBER
}

fn infer_document(args: &[Argument]) -> ExprType {
    ExprType::text(args[0].expr_type.length).nullable(true)
}

/// The document in an argument; None, with a warning, if it is none or too deep.
fn document<'a>(call: &Invocation<'_>, text: &'a str) -> Option<&'a RawValue> {
    let name = call.call.function().name;
    match serde_json::from_str(text) {
        Ok(document) if depth(text) < MAX_DEPTH => Some(document),
        Ok(_) => {
            call.context.warnings.push(Level::Warning, 4040, || {
                format!("Limit of {MAX_DEPTH} on JSON nested structures depth is reached in argument 1 to function '{name}'")
            });
            None
        }
        Err(error) if error.is_eof() => {
            call.context.warnings.push(Level::Warning, 4037, || {
                format!("Unexpected end of JSON text in argument 1 to function '{name}'")
            });
            None
        }
        Err(error) => {
            call.context.warnings.push(Level::Warning, 4038, || {
                let position = error.column();
                format!("Syntax error in JSON text in argument 1 to function '{name}' at position {position}")
            });
            None
        }
    }
}

/// How deep a document's arrays and objects stand in each other.
fn depth(document: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in document.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn json_valid(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    let valid = serde_json::from_str::<&RawValue>(&text).is_ok() && depth(&text) < MAX_DEPTH;
    Ok(Value::Int(valid.into()))
}

/// A path in an argument; None, with a warning, if it is none.
fn path<'a>(call: &Invocation<'_>, index: usize, text: &'a str) -> Option<Path<'a>> {
    let warn = |code: u16, what: &str, place: &str| {
        call.context.warnings.push(Level::Warning, code, || {
            let (argument, name) = (index + 1, call.call.function().name);
            format!("{what} in argument {argument} to function '{name}'{place}")
        });
    };
    match Path::parse(text) {
        Ok(path) => Some(path),
        Err(PathError::End) => {
            warn(4041, "Unexpected end of JSON path", "");
            None
        }
        Err(PathError::Syntax(position)) => {
            warn(4042, "Syntax error in JSON path", &format!(" at position {position}"));
            None
        }
        Err(PathError::Depth(position)) => {
            let what = format!("Limit of {MAX_DEPTH} on JSON path depth is reached");
            warn(4043, &what, &format!(" at position {position}"));
            None
        }
    }
}

fn json_extract(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    let Some(document) = document(call, &text) else { return Ok(Value::Null) };
    let mut found = Vec::new();
    let mut may_be_several = call.count() > 2;
    for index in 1..call.count() {
        let Some(text) = call.text(index) else { return Ok(Value::Null) };
        let Some(path) = path(call, index, &text) else { return Ok(Value::Null) };
        may_be_several |= path.has_wildcards();
        found.extend(path.find(document));
    }
    json_path::in_order(&mut found);
    if found.is_empty() {
        return Ok(Value::Null);
    }
    let mut shown = String::new();
    for (position, part) in found.iter().enumerate() {
        shown.push_str(if position > 0 { ", " } else { "" });
        put_spaced(&mut shown, part.get());
    }
    Ok(call.string(if may_be_several { format!("[{shown}]") } else { shown }))
}

/// Writes a document with the spaces that MariaDB writes: one after each comma and colon, and no others.
fn put_spaced(out: &mut String, document: &str) {
    let (mut in_text, mut escaped) = (false, false);
    for character in document.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_text = !in_text,
            ' ' | '\t' | '\r' | '\n' if !in_text => continue,
            ',' | ':' if !in_text => {
                out.extend([character, ' ']);
                continue;
            }
            _ => {}
        }
        out.push(character);
    }
}

fn json_unquote(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    Ok(match serde_json::from_str::<String>(&text) {
        Ok(unquoted) => call.string(unquoted),
        Err(_) => call.string(text),
    })
}

/// The scalar that a path leads to, without quotes; NULL for an object or array.
fn json_value(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(path_text)) = (call.text(0), call.text(1)) else { return Ok(Value::Null) };
    let Some(document) = document(call, &text) else { return Ok(Value::Null) };
    let Some(path) = path(call, 1, &path_text) else { return Ok(Value::Null) };
    if path.has_wildcards() {
        call.context.warnings.push(Level::Warning, 4044, || {
            "Wildcards or range in JSON path not allowed in argument 2 to function 'json_value'".to_owned()
        });
        return Ok(Value::Null);
    }
    let found = path.find(document);
    let Some(part) = found.first() else { return Ok(Value::Null) };
    Ok(match serde_json::from_str::<Json>(part.get()) {
        Ok(Json::String(text)) => call.string(text),
        Ok(Json::Bool(truth)) => call.string(if truth { "1" } else { "0" }),
        Ok(Json::Number(_)) => call.string(part.get()),
        _ => Value::Null,
    })
}

fn number(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    Ok(match serde_json::from_str::<Json>(&text) {
        Ok(Json::String(unquoted)) => call.string(unquoted),
        Ok(Json::Bool(true)) => call.string("1"),
        Ok(Json::Number(_)) => call.string(text),
        _ => call.string("0"),
    })
}
