//! What MariaDB writes in another way than sqlparser reads it: before the tokens are parsed, some are moved or left out.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

use super::source::{is_select_modifier, keyword};

/// Brings tokens into sqlparser's order. Whether the statement is an UPDATE IGNORE or DELETE IGNORE, which sqlparser does not
/// know.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) -> bool {
    leave_out_sql_cache(tokens);
    let Some(verb) = verb(tokens) else { return false };
    let ignore = leave_out_modifiers(tokens, verb + 1);
    put_returning_first(&mut tokens[verb..]);
    ignore
}

/// The place of the UPDATE or DELETE that the statement is or explains.
fn verb(tokens: &[TokenWithSpan]) -> Option<usize> {
    let explains = |token: &Token| {
        let words = [Keyword::EXPLAIN, Keyword::DESCRIBE, Keyword::DESC, Keyword::EXTENDED];
        words.contains(&keyword(token))
    };
    let passed = |token: &Token| matches!(token, Token::Whitespace(_) | Token::SemiColon) || explains(token);
    let verb = tokens.iter().position(|token| !passed(&token.token))?;
    matches!(keyword(&tokens[verb].token), Keyword::UPDATE | Keyword::DELETE).then_some(verb)
}

/// Leaves out advice about speed, and IGNORE, from this place on; whether IGNORE was there.
fn leave_out_modifiers(tokens: &mut Vec<TokenWithSpan>, place: usize) -> bool {
    let (mut ignore, mut end) = (false, place);
    for (at, TokenWithSpan { token, .. }) in tokens.iter().enumerate().skip(place) {
        if is_word(token, "IGNORE") {
            ignore = true;
        } else if is_space(token) {
            continue;
        } else if !is_word(token, "LOW_PRIORITY") && !is_word(token, "QUICK") {
            break;
        }
        end = at + 1;
    }
    tokens.drain(place..end);
    ignore
}

/// SELECT SQL_CACHE: there is no cache of results, as with SQL_NO_CACHE.
fn leave_out_sql_cache(tokens: &mut Vec<TokenWithSpan>) {
    let mut in_modifiers = false;
    tokens.retain(|token| {
        let is_cache = in_modifiers && is_word(&token.token, "SQL_CACHE");
        in_modifiers = match &token.token {
            token if keyword(token) == Keyword::SELECT => true,
            token => in_modifiers && (is_space(token) || is_select_modifier(token)),
        };
        !is_cache
    });
}

/// A DELETE of MariaDB's ends in RETURNING, one of sqlparser's in ORDER BY and LIMIT.
fn put_returning_first(tokens: &mut [TokenWithSpan]) {
    if keyword(&tokens[0].token) != Keyword::DELETE {
        return;
    }
    let (mut depth, mut ordered) = (0_usize, None);
    for at in 0..tokens.len() {
        match &tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            token if depth == 0 => match (keyword(token), ordered) {
                (Keyword::ORDER | Keyword::LIMIT, None) => ordered = Some(at),
                (Keyword::RETURNING, Some(ordered)) => {
                    let rest = &mut tokens[ordered..];
                    let ends = |token: &TokenWithSpan| matches!(token.token, Token::SemiColon | Token::EOF);
                    let length = rest.iter().position(ends).unwrap_or(rest.len());
                    return rest[..length].rotate_left(at - ordered);
                }
                _ => {}
            },
            _ => {}
        }
    }
}

fn is_space(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_))
}

fn is_word(token: &Token, text: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text))
}
