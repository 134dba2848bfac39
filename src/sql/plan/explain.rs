//! Plans printed: one node a line, its inputs below it.

use std::fmt::{self, Display, Formatter};

use super::{
    Action, Plan,
    expression::{Expression, Question},
    node::{Access, JoinKind, JoinMethod, KeyBounds, KeyColumn, LimitBounds, Node, Scan, SortKey, Span},
    write::{Duplicate, Source},
};
use crate::sql::types::{ExprType, Value, print};

/// Most values of a list that are shown.
const SHOWN_VALUES: usize = 5;
/// Most characters of a text that are shown.
const SHOWN_CHARACTERS: usize = 60;

impl Plan {
    /// The lines that EXPLAIN answers.
    pub(in super::super) fn explain(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match &self.action {
            Action::Query(node) => print_node(node, "", "", &mut lines),
            Action::Insert(insert) => {
                let mode = match &insert.duplicate {
                    Duplicate::Refuse => "",
                    Duplicate::Replace(_) => ", replacing",
                    Duplicate::Skip => ", skipping duplicates",
                    Duplicate::Update(_) => ", updating duplicates",
                };
                let returning = returning(&insert.returning);
                lines.push(format!("Insert: into {}{mode}{returning}", insert.table.name));
                match &insert.source {
                    Source::Values(rows) => lines.push(format!("└─ Values: {} row(s)", rows.len())),
                    Source::Query(node, _) => print_node(node, "└─ ", "   ", &mut lines),
                }
            }
            Action::Update(update) => {
                let sets = update.assignments.iter().map(|set| {
                    let value =
                        set.value.as_ref().map_or("default".to_owned(), |value| value.expr.to_string());
                    format!("{} = {value}", update.table.columns[set.column].name)
                });
                lines.push(format!("Update: {}, {}", update.table.name, join(sets)));
                print_node(&update.rows, "└─ ", "   ", &mut lines);
            }
            Action::Delete(delete) => {
                lines.push(format!("Delete: from {}{}", delete.table.name, returning(&delete.returning)));
                print_node(&delete.rows, "└─ ", "   ", &mut lines);
            }
        }
        lines
    }
}

fn returning(exprs: &[Expression]) -> String {
    if exprs.is_empty() { String::new() } else { format!(", returning {}", join(exprs)) }
}

fn join(parts: impl IntoIterator<Item = impl Display>) -> String {
    parts.into_iter().map(|part| part.to_string()).collect::<Vec<_>>().join(", ")
}

/// Prints a node: its own line behind `first`, everything below it behind `rest`.
fn print_node(node: &Node, first: &str, rest: &str, lines: &mut Vec<String>) {
    let (line, inputs): (String, Vec<&Node>) = match node {
        Node::OneRow => ("OneRow".to_owned(), vec![]),
        Node::Values(rows) => (format!("Values: {} row(s)", rows.len()), vec![]),
        Node::Scan(scan) => (format!("Scan: {}", scan_text(scan)), vec![]),
        Node::Count(scan) => (format!("Count: {}", scan_text(scan)), vec![]),
        Node::System { table, alias, .. } => (format!("System: {}", aliased(table.name, alias)), vec![]),
        Node::Derived { input, alias, .. } => (format!("Derived: {alias}"), vec![input]),
        Node::Filter { input, conditions } => (format!("Filter: {}", all(conditions)), vec![input]),
        Node::Join(node) => {
            let kind = match node.kind {
                JoinKind::Inner => "Join",
                JoinKind::Left => "LeftJoin",
                JoinKind::Anti => "AntiJoin",
            };
            let method = match &node.method {
                JoinMethod::Lookup => "by lookup".to_owned(),
                JoinMethod::Nested => "nested".to_owned(),
                JoinMethod::Hash { left, right } => {
                    let keys = left.iter().zip(right).map(|(left, right)| format!("{left} = {right}"));
                    format!("by hash of {}", join(keys))
                }
            };
            let on = if node.conditions.is_empty() {
                String::new()
            } else {
                format!(", on {}", all(&node.conditions))
            };
            (format!("{kind}: {method}{on}"), vec![&node.left, &node.right])
        }
        Node::Aggregate { input, keys, aggregates, .. } => {
            let computed = join(aggregates.iter().map(|step| &step.text));
            let line = match (keys.is_empty(), computed.is_empty()) {
                (true, _) => format!("Aggregate: {computed}"),
                (false, true) => format!("Aggregate: by {}", join(keys.iter().map(|key| &key.expr))),
                (false, false) => {
                    format!("Aggregate: {computed} by {}", join(keys.iter().map(|key| &key.expr)))
                }
            };
            (line, vec![input])
        }
        Node::Sort { input, keys, top } => {
            let top = top.as_ref().map(|top| format!(", first {}", limit(top))).unwrap_or_default();
            (format!("Sort: {}{top}", join(keys)), vec![input])
        }
        Node::Project { input, columns } => (format!("Project: {}", join(columns)), vec![input]),
        Node::Distinct(input) => ("Distinct".to_owned(), vec![input]),
        Node::Limit { input, bounds, .. } => (format!("Limit: {}", limit(bounds)), vec![input]),
        Node::Union { inputs, distinct, .. } => {
            let line = if *distinct == 0 { "UnionAll" } else { "Union" };
            (line.to_owned(), inputs.iter().map(|(input, _)| input).collect())
        }
    };
    lines.push(format!("{first}{line}"));
    let subqueries = subqueries(node);
    let count = inputs.len() + subqueries.len();
    for (position, input) in inputs.into_iter().chain(subqueries).enumerate() {
        let last = position + 1 == count;
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        print_node(input, &format!("{rest}{branch}"), &format!("{rest}{below}"), lines);
    }
}

/// The plans of subqueries in a node's own expressions.
fn subqueries(node: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    match node {
        Node::Scan(scan) => scan.filter.iter().for_each(|expr| collect(expr, &mut found)),
        Node::Filter { conditions: exprs, .. } | Node::Project { columns: exprs, .. } => {
            exprs.iter().for_each(|expr| collect(expr, &mut found));
        }
        Node::Join(join) => join.conditions.iter().for_each(|expr| collect(expr, &mut found)),
        _ => {}
    }
    found
}

fn collect<'e>(expr: &'e Expression, found: &mut Vec<&'e Node>) {
    match expr {
        Expression::Call(_, args) => args.iter().for_each(|arg| collect(arg, found)),
        Expression::Subquery(subquery) => found.push(&subquery.node),
        _ => {}
    }
}

fn aliased(name: &str, alias: &str) -> String {
    if name == alias { name.to_owned() } else { format!("{name} as {alias}") }
}

fn all(conditions: &[Expression]) -> String {
    conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn limit(bounds: &LimitBounds) -> String {
    let count = bounds.count.as_ref().map_or("all".to_owned(), ToString::to_string);
    match &bounds.offset {
        Some(offset) => format!("{count} from {offset}"),
        None => count,
    }
}

fn scan_text(scan: &Scan) -> String {
    let mut text = format!("{}, {}", aliased(&scan.table.name, &scan.alias), access_text(&scan.access, scan));
    if !scan.filter.is_empty() {
        text.push_str(&format!(", filter {}", all(&scan.filter)));
    }
    text
}

fn access_text(access: &Access, scan: &Scan) -> String {
    let name = |position: usize| scan.table.columns[access.columns[position]].name.as_str();
    let spans = access.spans.iter().take(SHOWN_VALUES).map(|span| {
        let Span { equal, range } = span;
        let mut parts: Vec<String> =
            equal.iter().enumerate().map(|(position, key)| equal_text(name(position), key)).collect();
        parts.extend(range.as_ref().map(|range| range_text(name(equal.len()), range)));
        parts.join(", ")
    });
    let spans: Vec<String> = spans.filter(|span| !span.is_empty()).collect();
    let dots = if access.spans.len() > SHOWN_VALUES { " or ..." } else { "" };
    let backwards = if access.reverse { " backwards" } else { "" };
    let single = access.spans.len() == 1
        && access.spans.iter().all(|span| span.equal.iter().all(|key| key.values.len() == 1));
    let kind = match access.spans.as_slice() {
        _ if spans.is_empty() => return format!("all of {}{backwards}", access.name),
        _ if access.point && single => "point",
        _ if access.point => "points",
        [span] if span.range.is_some() => "range",
        [_] if single => "prefix",
        _ => "prefixes",
    };
    format!("{} {kind} ({}{dots}){backwards}", access.name, spans.join(" or "))
}

fn equal_text(name: &str, key: &KeyColumn) -> String {
    match key.values.as_slice() {
        [value] => format!("{name} = {value}"),
        values => {
            let dots = if values.len() > SHOWN_VALUES { ", ..." } else { "" };
            format!("{name} in {}{dots}", join(values.iter().take(SHOWN_VALUES)))
        }
    }
}

fn range_text(name: &str, bounds: &KeyBounds) -> String {
    if let Some(pattern) = &bounds.like {
        return format!("{name} like {pattern}");
    }
    let lower = bounds
        .lower
        .as_ref()
        .map(|(value, included)| format!("{name} {} {value}", if *included { ">=" } else { ">" }));
    let upper = bounds
        .upper
        .as_ref()
        .map(|(value, included)| format!("{name} {} {value}", if *included { "<=" } else { "<" }));
    join(lower.into_iter().chain(upper))
}

impl Display for SortKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.expr, if self.descending { " desc" } else { "" })
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Constant(value) => write_constant(f, value),
            Expression::Param(number) => write!(f, "?{}", number + 1),
            Expression::Column(_, name) | Expression::Outer { name, .. } => f.write_str(name),
            Expression::Call(call, args) => write_call(f, call.function().name, args),
            Expression::Subquery(subquery) => match &subquery.question {
                Question::Value => f.write_str("(subquery)"),
                Question::Exists => f.write_str("exists (subquery)"),
                Question::In { operands, negated, .. } => {
                    let not = if *negated { "not " } else { "" };
                    write!(f, "{} {not}in (subquery)", join(operands))
                }
                Question::Quantified { operand, comparison, all } => {
                    let sign = match comparison {
                        Expression::Call(call, _) => call.function().name,
                        _ => "",
                    };
                    write!(f, "{operand} {sign} {} (subquery)", if *all { "all" } else { "any" })
                }
            },
        }
    }
}

fn write_constant(f: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    let expr_type = ExprType::new(value.natural_type());
    let Some(printed) = print(value, &expr_type) else { return f.write_str("NULL") };
    let text = String::from_utf8_lossy(printed.as_bytes()).into_owned();
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Decimal(_) | Value::Double(_) => f.write_str(&text),
        _ => match text.char_indices().nth(SHOWN_CHARACTERS) {
            Some((end, _)) => write!(f, "'{}...'", &text[..end]),
            None => write!(f, "'{text}'"),
        },
    }
}

fn write_call(f: &mut Formatter<'_>, name: &str, args: &[Expression]) -> fmt::Result {
    let sign = !name.starts_with(|first: char| first.is_ascii_alphabetic());
    match (name, args) {
        ("in" | "not in", [operand, list @ ..]) => {
            let dots = if list.len() > SHOWN_VALUES { ", ..." } else { "" };
            write!(f, "{operand} {name} ({}{dots})", join(list.iter().take(SHOWN_VALUES)))
        }
        ("between" | "not between", [operand, low, high]) => write!(f, "{operand} {name} {low} and {high}"),
        ("and" | "or" | "xor", args) => {
            let parts: Vec<_> = args.iter().map(ToString::to_string).collect();
            write!(f, "({})", parts.join(&format!(" {name} ")))
        }
        ("like" | "not like" | "regexp" | "not regexp" | "div", [a, b]) => write!(f, "{a} {name} {b}"),
        ("not", [operand]) => write!(f, "not {operand}"),
        (_, [operand]) if name.starts_with("is ") => write!(f, "{operand} {name}"),
        (_, [operand]) if sign => write!(f, "{name}{operand}"),
        (_, [a, b]) if sign => {
            let bracketed = |expr: &Expression| match expr {
                Expression::Call(call, args)
                    if args.len() == 2
                        && !call.function().name.starts_with(|first: char| first.is_ascii_alphabetic()) =>
                {
                    format!("({expr})")
                }
                expr => expr.to_string(),
            };
            write!(f, "{} {name} {}", bracketed(a), bracketed(b))
        }
        (_, args) => write!(f, "{name}({})", join(args)),
    }
}
