//! JSON in texts: `JSON_VALID`, `JSON_EXTRACT`, `JSON_UNQUOTE`, `JSON_VALUE`.

use serde_json::{Value as Json, value::RawValue};

use super::{ANY, Argument, Function, Invocation, call::any_nullable};
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

fn infer_document(args: &[Argument]) -> ExprType {
    ExprType::text(args[0].expr_type.length).nullable(true)
}

/// The document in an argument; None, with a warning, if it is none. serde_json bounds its nesting.
fn document<'a>(call: &Invocation<'_>, text: &'a str) -> Option<&'a RawValue> {
    match serde_json::from_str(text) {
        Ok(document) => Some(document),
        Err(error) => {
            call.context.warnings.push(Level::Warning, 4038, || {
                format!(
                    "Syntax error in JSON text in argument 1 to function '{}' at position {}",
                    call.call.function().name,
                    error.column()
                )
            });
            None
        }
    }
}

fn json_valid(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    let valid = serde_json::from_str::<&RawValue>(&text).is_ok();
    Ok(Value::Int(valid.into()))
}

/// One step of a path: a member's name or an element's number.
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

/// The steps of a path such as `$.a."b c"[1]`; None for one with wildcards, or none at all.
fn parse_path(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (number, after) = after.split_once(']')?;
            steps.push(Step::Element(number.trim().parse().ok()?));
            rest = after;
            continue;
        }
        let after = rest.strip_prefix('.')?;
        let (name, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(['.', '[']).unwrap_or(after.len())),
        };
        if name.is_empty() || name == "*" {
            return None;
        }
        steps.push(Step::Member(name));
        rest = after;
    }
    Some(steps)
}

/// The part of a document that a path leads to.
fn follow<'a>(document: &'a RawValue, path: &[Step<'_>]) -> Option<&'a RawValue> {
    let mut part = document;
    for step in path {
        part = match step {
            Step::Member(name) => {
                let members: std::collections::HashMap<String, &RawValue> =
                    serde_json::from_str(part.get()).ok()?;
                members.get(*name).copied()?
            }
            Step::Element(index) => match serde_json::from_str::<Vec<&RawValue>>(part.get()) {
                Ok(elements) => elements.get(*index).copied()?,
                // A scalar is the only element of itself.
                Err(_) if *index == 0 => part,
                Err(_) => return None,
            },
        };
    }
    Some(part)
}

fn json_extract(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    let mut found = Vec::new();
    let Some(document) = document(call, &text) else { return Ok(Value::Null) };
    for index in 1..call.count() {
        let Some(path) = call.text(index) else { return Ok(Value::Null) };
        let Some(path) = parse_path(&path).map(|steps| follow(document, &steps)) else {
            return Ok(Value::Null);
        };
        found.extend(path.map(RawValue::get));
    }
    Ok(match (call.count(), found.as_slice()) {
        (_, []) => Value::Null,
        (2, [part]) => call.string(*part),
        (_, parts) => call.string(format!("[{}]", parts.join(", "))),
    })
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
    let (Some(text), Some(path)) = (call.text(0), call.text(1)) else { return Ok(Value::Null) };
    let Some(document) = document(call, &text) else { return Ok(Value::Null) };
    let part = parse_path(&path).and_then(|steps| follow(document, &steps));
    let Some(part) = part else { return Ok(Value::Null) };
    Ok(match serde_json::from_str::<Json>(part.get()) {
        Ok(Json::String(text)) => call.string(text),
        Ok(Json::Bool(truth)) => call.string(if truth { "1" } else { "0" }),
        Ok(Json::Number(_)) => call.string(part.get()),
        _ => Value::Null,
    })
}
