//! FROM read: conditions moved down to where they can first be tested, an order and a method for each join.

use super::{
    access::{Target, WantedOrder},
    bind::same_group_keys,
    expression::Expression,
    from::Tree,
    node::{Join, JoinKind, JoinMethod, Node, Stretch},
};
use crate::sql::functions::Operator;

/// What ORDER BY and LIMIT would like of the reading.
#[derive(Clone, Copy)]
pub(super) struct Wish<'w> {
    /// Columns of the rows, and DESC; only if all keys are columns.
    pub(super) order: Option<&'w [(usize, bool)]>,
    /// Not all rows may be asked for.
    pub(super) limited: bool,
}

/// The plan of a FROM with its WHERE; also whether the rows come in the wanted order.
pub(super) fn plan(tree: Tree, mut conditions: Vec<Expression>, wish: Wish) -> (Node, bool) {
    let tree = simplify(tree, &conditions);
    let mut ordered = false;
    let node = place(tree, &mut conditions, &[], wish, &mut ordered);
    (filtered(node, conditions), ordered)
}

pub(super) fn filtered(node: Node, conditions: Vec<Expression>) -> Node {
    if conditions.is_empty() { node } else { Node::Filter { input: Box::new(node), conditions } }
}

/// A LEFT JOIN whose inner columns a condition rejects as NULL is an inner join.
fn simplify(tree: Tree, conditions: &[Expression]) -> Tree {
    let Tree::Join { left, right, mut outer, on } = tree else { return tree };
    outer = outer && !conditions.iter().any(|condition| rejects_null(condition, &right));
    let left = Box::new(simplify(*left, conditions));
    let right = if outer { right } else { Box::new(simplify(*right, conditions)) };
    Tree::Join { left, right, outer, on }
}

fn rejects_null(condition: &Expression, tree: &Tree) -> bool {
    [
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Like,
        Operator::Between,
        Operator::In,
        Operator::IsNotNull,
    ]
    .into_iter()
    .filter_map(|op| condition.operands(op).map(|operands| (op, operands)))
    .any(|(op, operands)| {
        // Of IN only the operand itself: a NULL in its list does not decide.
        let deciding = if op == Operator::In { &operands[..1] } else { operands };
        deciding.iter().any(|arg| matches!(arg, Expression::Column(column, _) if tree.contains(*column)))
    })
}

/// Takes out of the conditions those that use only columns of the given places.
fn take(conditions: &mut Vec<Expression>, test: impl Fn(usize) -> bool) -> Vec<Expression> {
    let (taken, rest) =
        std::mem::take(conditions).into_iter().partition(|condition| condition.uses_only(&test));
    *conditions = rest;
    taken
}

/// Plans a tree, taking from the conditions those that it makes sure of. `given` is what was read before it.
fn place(
    tree: Tree,
    conditions: &mut Vec<Expression>,
    given: &[Stretch],
    wish: Wish,
    ordered: &mut bool,
) -> Node {
    match tree {
        Tree::Table { table, alias, stretch } => {
            let known = |column: usize| given.iter().any(|given| given.contains(column));
            let own = take(conditions, |column| stretch.contains(column) || known(column));
            let target = Target { table: &table, alias: &alias, stretch };
            let order = local_order(wish.order, stretch);
            let choice = target.choose(&own, &known, order.as_ref(), wish.limited);
            *ordered = order.as_ref().is_some_and(|order| choice.access.gives_order(order).is_some());
            Node::Scan(Box::new(target.scan(choice, own)))
        }
        Tree::System { table, alias, stretch } => {
            let own = take(conditions, |column| stretch.contains(column));
            filtered(Node::System { table, alias, stretch }, own)
        }
        Tree::Derived { input, alias, stretch } => {
            let own = take(conditions, |column| stretch.contains(column));
            filtered(Node::Derived { input: Box::new(input), alias, stretch }, own)
        }
        Tree::Join { outer: true, left, right, on } => {
            outer_join(*left, *right, on, conditions, given, wish, ordered)
        }
        Tree::Join { .. } => inner_joins(tree, conditions, given, wish, ordered),
    }
}

fn local_order(order: Option<&[(usize, bool)]>, stretch: Stretch) -> Option<WantedOrder> {
    order?
        .iter()
        .map(|&(column, descending)| stretch.contains(column).then(|| (column - stretch.offset, descending)))
        .collect()
}

fn outer_join(
    left: Tree,
    right: Tree,
    mut on: Vec<Expression>,
    conditions: &mut Vec<Expression>,
    given: &[Stretch],
    wish: Wish,
    ordered: &mut bool,
) -> Node {
    let mut stretches = Vec::new();
    right.stretches(&mut stretches);
    let mut before = given.to_vec();
    left.stretches(&mut before);
    // Conditions of WHERE on the outer side can be tested before the join.
    let left_node = place(left, conditions, given, wish, ordered);
    let no_partner = conditions.iter().position(|condition| {
        matches!(condition.operands(Operator::IsNull), Some([Expression::Column(column, _)])
            if right.contains(*column) && right.never_null(*column))
    });
    let kind = match no_partner {
        Some(position) => {
            conditions.remove(position);
            JoinKind::Anti
        }
        None => JoinKind::Left,
    };
    let before_right = before.clone();
    joined(left_node, right, &mut on, &before_right, given, kind, stretches)
}

/// Joins one more tree to what is read already. `before` is all that was read, `given` the part of it that was read
/// even before the left node.
fn joined(
    left: Node,
    right: Tree,
    on: &mut Vec<Expression>,
    before: &[Stretch],
    given: &[Stretch],
    kind: JoinKind,
    right_stretches: Vec<Stretch>,
) -> Node {
    let no_wish = Wish { order: None, limited: false };
    let looked_up = match &right {
        Tree::Table { table, alias, stretch } => {
            let target = Target { table, alias, stretch: *stretch };
            let known = |column: usize| before.iter().any(|given| given.contains(column));
            let own: Vec<_> = on
                .iter()
                .filter(|condition| condition.uses_only(|column| stretch.contains(column) || known(column)))
                .cloned()
                .collect();
            let with_left = target.choose(&own, &known, None, false).score;
            let alone = |column: usize| given.iter().any(|given| given.contains(column));
            with_left > target.choose(&own, &alone, None, false).score
        }
        _ => false,
    };
    if looked_up {
        let right = place(right, on, before, no_wish, &mut false);
        return Node::Join(Box::new(Join {
            left,
            right,
            kind,
            method: JoinMethod::Lookup,
            conditions: std::mem::take(on),
            right_stretches,
        }));
    }
    let right = place(right, on, given, no_wish, &mut false);
    let in_right = |column: usize| right_stretches.iter().any(|stretch| stretch.contains(column));
    let (mut left_keys, mut right_keys, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for condition in std::mem::take(on) {
        match hash_keys(&condition, &in_right) {
            Some((left_key, right_key)) => {
                left_keys.push(left_key);
                right_keys.push(right_key);
            }
            None => rest.push(condition),
        }
    }
    let method = if left_keys.is_empty() {
        JoinMethod::Nested
    } else {
        JoinMethod::Hash { left: left_keys, right: right_keys }
    };
    Node::Join(Box::new(Join { left, right, kind, method, conditions: rest, right_stretches }))
}

/// The two sides of an equality between the inputs whose values can be hashed.
fn hash_keys(condition: &Expression, in_right: &dyn Fn(usize) -> bool) -> Option<(Expression, Expression)> {
    let [a, b] = condition.operands(Operator::Equal)? else { return None };
    let Expression::Call(call, _) = condition else { return None };
    let [type_a, type_b] = call.args() else { return None };
    if !same_group_keys(type_a, type_b) || a.has_subquery() || b.has_subquery() {
        return None;
    }
    let uses_any = |expr: &Expression| !expr.uses_only(|_| false);
    let right = |expr: &Expression| uses_any(expr) && expr.uses_only(in_right);
    let left = |expr: &Expression| expr.uses_only(|column| !in_right(column));
    if left(a) && right(b) {
        Some((a.clone(), b.clone()))
    } else if left(b) && right(a) {
        Some((b.clone(), a.clone()))
    } else {
        None
    }
}

/// Inner joins: all their conditions are one pool. If all inputs are tables, the one that the conditions narrow down
/// most is read first, and then the one that this makes cheapest.
fn inner_joins(
    tree: Tree,
    conditions: &mut Vec<Expression>,
    given: &[Stretch],
    wish: Wish,
    ordered: &mut bool,
) -> Node {
    let mut inputs = Vec::new();
    flatten(tree, &mut inputs, conditions);
    let mut read = given.to_vec();
    let first = next_input(&mut inputs, conditions, &read);
    first.stretches(&mut read);
    let mut node = place(first, conditions, given, wish, ordered);
    while !inputs.is_empty() {
        let next = next_input(&mut inputs, conditions, &read);
        let mut stretches = Vec::new();
        next.stretches(&mut stretches);
        let before = read.clone();
        read.extend(&stretches);
        let mut on = take(conditions, |column| read.iter().any(|stretch| stretch.contains(column)));
        node = joined(node, next, &mut on, &before, given, JoinKind::Inner, stretches);
    }
    node
}

fn flatten(tree: Tree, inputs: &mut Vec<Tree>, conditions: &mut Vec<Expression>) {
    match tree {
        Tree::Join { left, right, outer: false, on } => {
            flatten(*left, inputs, conditions);
            flatten(*right, inputs, conditions);
            conditions.extend(on);
        }
        tree => inputs.push(tree),
    }
}

fn next_input(inputs: &mut Vec<Tree>, conditions: &[Expression], read: &[Stretch]) -> Tree {
    let score = |tree: &Tree| match tree {
        Tree::Table { table, alias, stretch } => {
            let known = |column: usize| read.iter().any(|given| given.contains(column));
            let own: Vec<_> = conditions
                .iter()
                .filter(|condition| condition.uses_only(|column| stretch.contains(column) || known(column)))
                .cloned()
                .collect();
            Some(Target { table, alias, stretch: *stretch }.choose(&own, &known, None, false).score)
        }
        _ => None,
    };
    let scores: Option<Vec<u32>> = inputs.iter().map(score).collect();
    let mut best = 0;
    if let Some(scores) = scores {
        for (position, score) in scores.iter().enumerate() {
            if *score > scores[best] {
                best = position;
            }
        }
    }
    inputs.remove(best)
}
