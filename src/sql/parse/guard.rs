//! Bounds a statement's shape before anything recursive sees it: sqlparser recurses on JOINs without bound, and every
//! walk over a tree of operators, its dropping included, is as deep as the tree.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

use crate::{
    error::{Error, Result},
    sql::limits::Limits,
};

/// What one pair of brackets, or the statement itself, holds: how deep the tree of its current element is at most.
/// An element ends at a comma and, as AND and OR bind loosest of all, at these: they become lists, not trees.
#[derive(Default)]
struct Level {
    /// Operators of the current element.
    operators: usize,
    /// Depth of the deepest brackets in the current element.
    below: usize,
    /// Depth of the deepest element before the current one.
    deepest: usize,
    /// XORs since the last comma: AND binds tighter.
    xors: usize,
    /// ANDs, ORs and UNIONs since the last comma.
    conditions: usize,
    /// BETWEENs whose AND has not come yet.
    betweens: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.xors + self.deepest.max(self.operators + self.below)
    }

    fn end_element(&mut self) {
        self.deepest = self.deepest.max(self.operators + self.below);
        (self.operators, self.below) = (0, 0);
    }

    fn condition(&mut self) {
        self.conditions += 1;
        self.end_element();
    }
}

/// Refuses a statement that is too deep or too long for what follows. What nests by a prefix (NOT, CASE, brackets) is
/// bounded by sqlparser itself.
pub(super) fn check(tokens: &[TokenWithSpan], limits: &Limits) -> Result<()> {
    let too_complex = |what: &str, limit: usize| Error::TooComplex(format!("more than {limit} {what}"));
    let mut levels: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut joins = 0;
    for token in tokens {
        match &token.token {
            Token::LParen => {
                levels.push(std::mem::take(&mut level));
                if levels.len() > limits.nesting {
                    return Err(too_complex("nested brackets", limits.nesting));
                }
            }
            Token::RParen => {
                let depth = level.depth() + 1;
                level = levels.pop().unwrap_or_default();
                level.below = level.below.max(depth);
            }
            Token::Comma => {
                level.deepest = level.depth();
                level.end_element();
                (level.xors, level.conditions, level.betweens) = (0, 0, 0);
            }
            Token::Word(word) => match word.keyword {
                Keyword::JOIN | Keyword::STRAIGHT_JOIN => joins += 1,
                Keyword::AND if level.betweens > 0 => level.betweens -= 1,
                Keyword::AND | Keyword::OR | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => {
                    level.condition();
                }
                Keyword::XOR => level.xors += 1,
                Keyword::BETWEEN => {
                    level.betweens += 1;
                    level.operators += 1;
                }
                Keyword::IS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::RLIKE
                | Keyword::REGEXP
                | Keyword::DIV
                | Keyword::COLLATE => level.operators += 1,
                _ if word.value.eq_ignore_ascii_case("mod") => level.operators += 1,
                _ => {}
            },
            Token::Overlap | Token::StringConcat => level.condition(),
            Token::Whitespace(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::Number(..)
            | Token::Placeholder(_)
            | Token::SemiColon
            | Token::HexStringLiteral(_)
            | Token::EOF => {}
            // Whatever may be an operator.
            _ => level.operators += 1,
        }
        if level.depth() > limits.chain {
            return Err(too_complex("operators in one expression", limits.chain));
        }
        if level.conditions > limits.conditions {
            return Err(too_complex("ANDs, ORs or UNIONs in a row", limits.conditions));
        }
        if joins >= limits.tables {
            return Err(Error::TooManyTables(limits.tables));
        }
    }
    Ok(())
}
