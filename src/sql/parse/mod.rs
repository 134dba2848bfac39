//! CometQL's dialect: text in, statements out.
//!
//! [`parse`] expands executable comments, lets sqlparser cut the text into tokens, bounds them ([`guard`]), brings them into the order
//! that sqlparser expects ([`rewrite`]), and then either reads the statement itself ([`command`]: SET, SHOW and whatever
//! sqlparser does not know) or lowers sqlparser's tree into ours ([`lower`]), where everything that is not taken over is refused.

pub mod ast;
mod command;
mod comments;
pub mod ddl;
mod dialect;
mod guard;
mod lower;
mod rewrite;
pub(super) mod scan;
pub(super) mod shape;
mod source;
mod split;
#[cfg(test)]
mod tests;

use sqlparser::{
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Location, Token, Tokenizer},
};

pub use split::{count_params, split_statements};

use self::{ast::Statement, dialect::CometQl, lower::Lower, source::Source};
use super::limits::Limits;
use crate::error::{Error, Result};

/// What the session says about the meaning of its texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// sql_mode PIPES_AS_CONCAT: `||` concatenates.
    pub pipes_as_concat: bool,
}

/// A statement, and how many `?` it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The statement.
    pub statement: Statement,
    /// How many parameters it takes.
    pub params: usize,
}

/// Parses exactly one statement, with or without a semicolon after it.
pub fn parse(text: &str, options: Options, limits: &Limits) -> Result<Parsed> {
    check_length(text, limits)?;
    let text = comments::expand(text);
    let dialect = CometQl { pipes_as_concat: options.pipes_as_concat };
    let mut tokens = Tokenizer::new(&dialect, &text)
        .tokenize_with_location()
        .map_err(|error| Error::Syntax(format!("{} near line {}", error.message, error.location.line)))?;
    guard::check(&tokens, limits)?;
    let source = Source::new(&text, &tokens);
    let params = source.param_count();
    let ignore = rewrite::rewrite(&mut tokens);
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(limits.nesting).with_tokens_with_locations(tokens);
    let lower = Lower { source: &source, pipes_as_concat: options.pipes_as_concat, ignore };
    let statement = statement(&mut parser, &lower)?;
    while parser.consume_token(&Token::SemiColon) {}
    match parser.peek_token_ref() {
        token if token.token == Token::EOF => Ok(Parsed { statement, params }),
        token => Err(syntax_at(&source, token.span.start)),
    }
}

/// One statement; what follows it is the caller's.
fn statement(parser: &mut Parser, lower: &Lower) -> Result<Statement> {
    while parser.consume_token(&Token::SemiColon) {}
    let first = parser.peek_token_ref();
    let keyword = match &first.token {
        Token::EOF => return Err(Error::EmptyQuery),
        Token::LParen => Keyword::SELECT,
        Token::Word(word) => word.keyword,
        _ => return Err(syntax_at(lower.source, first.span.start)),
    };
    match keyword {
        Keyword::SELECT
        | Keyword::WITH
        | Keyword::INSERT
        | Keyword::REPLACE
        | Keyword::UPDATE
        | Keyword::DELETE
        | Keyword::TRUNCATE => {
            let tree = parser.parse_statement().map_err(|error| syntax(lower.source, &error))?;
            // As with FOR UPDATE, there is nothing to lock.
            let share_mode = [Keyword::LOCK, Keyword::IN, Keyword::SHARE, Keyword::MODE];
            let _ = parser.parse_keywords(&share_mode);
            lower.statement(tree)
        }
        _ => command::parse(parser, lower),
    }
}

fn check_length(text: &str, limits: &Limits) -> Result<()> {
    let start = text.trim_start();
    let begins = |word: &str| start.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
    let bulk = begins("insert") || begins("replace");
    let limit = if bulk { limits.insert_bytes } else { limits.statement_bytes };
    if text.len() > limit { Err(Error::TooLong(limit)) } else { Ok(()) }
}

/// sqlparser's error in MySQL's words; its text ends in the place, `... at Line: 1, Column: 8`.
fn syntax(source: &Source, error: &ParserError) -> Error {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => return Error::TooComplex("nested too deep".to_owned()),
    };
    let place = message.rsplit_once(" at Line: ").and_then(|(_, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some(Location { line: line.parse().ok()?, column: column.parse().ok()? })
    });
    match place {
        Some(place) => syntax_at(source, place),
        None if message.contains("EOF") => near("", 1),
        None => Error::Syntax(message.clone()),
    }
}

/// A syntax error at a place.
fn syntax_at(source: &Source, place: Location) -> Error {
    let (text, line) = source.near(place);
    near(text, line)
}

fn near(text: &str, line: u64) -> Error {
    Error::Syntax(format!("check docs/cometql.md for the right syntax to use near '{text}' at line {line}"))
}
