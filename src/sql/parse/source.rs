//! A statement's text beside its tokens: where in the text a token stands, and how select lists were written.

use std::{collections::HashMap, ops::Range};

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Location, Token, TokenWithSpan},
};

/// Bytes of the text that a syntax error quotes at most.
const QUOTED_BYTES: usize = 80;

/// A text and where its tokens stand.
pub(super) struct Source<'a> {
    text: &'a str,
    /// By the place of its SELECT or RETURNING, the texts of each list's elements.
    headings: HashMap<Location, Vec<String>>,
    /// The place of RETURNING.
    returning: Option<Location>,
    /// Places of the `?`s, in order.
    params: Vec<Location>,
    /// Places of the literals that are written `x'41'`, in order.
    hex_strings: Vec<Location>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, tokens: &[TokenWithSpan]) -> Self {
        let params =
            tokens.iter().filter(|token| matches!(token.token, Token::Placeholder(_))).map(|t| t.span.start);
        let params = params.collect();
        let mut cursor = Cursor::new(text);
        let hex = tokens.iter().filter(|token| matches!(token.token, Token::HexStringLiteral(_)));
        let hex_strings = hex
            .map(|t| t.span.start)
            .filter(|place| !text[cursor.offset(*place)..].starts_with('0'))
            .collect();
        let returning = tokens.iter().rfind(|token| keyword(&token.token) == Keyword::RETURNING);
        let returning = returning.map(|token| token.span.start);
        Source { text, headings: headings(text, tokens), returning, params, hex_strings }
    }

    /// Texts of the select list that follows the SELECT at this place.
    pub(super) fn headings(&self, select: Location) -> &[String] {
        self.headings.get(&select).map_or(&[], Vec::as_slice)
    }

    /// Texts of the list that follows RETURNING.
    pub(super) fn returning_headings(&self) -> &[String] {
        self.returning.map_or(&[], |place| self.headings(place))
    }

    /// The number of the parameter at this place, from 0.
    pub(super) fn param(&self, place: Location) -> usize {
        self.params.partition_point(|&param| param < place)
    }

    /// Whether the hexadecimal literal at this place is written `x'41'`, not `0x41`.
    pub(super) fn is_hex_string(&self, place: Location) -> bool {
        self.hex_strings.binary_search(&place).is_ok()
    }

    /// How many parameters there are.
    pub(super) fn param_count(&self) -> usize {
        self.params.len()
    }

    /// The text from a place on, as a syntax error quotes it, with the number of its line.
    pub(super) fn near(&self, place: Location) -> (&'a str, u64) {
        let mut cursor = Cursor::new(self.text);
        let at = cursor.offset(place);
        (quote(&self.text[at..]), place.line.max(1))
    }
}

/// The beginning of a text, as a syntax error quotes it.
fn quote(text: &str) -> &str {
    let mut end = text.len().min(QUOTED_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Turns places (line and column, in characters) into offsets; they must come in order.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    place: Location,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Cursor { text, at: 0, place: Location { line: 1, column: 1 } }
    }

    fn offset(&mut self, place: Location) -> usize {
        for character in self.text[self.at..].chars() {
            if (self.place.line, self.place.column) >= (place.line, place.column) {
                break;
            }
            self.at += character.len_utf8();
            if character == '\n' {
                self.place = Location { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        self.at
    }
}

/// A select list whose end is not reached yet.
struct OpenList {
    select: Location,
    headings: Vec<String>,
    /// The current element's bytes; None before its first token.
    element: Option<Range<usize>>,
    /// The value of an element that is a single literal.
    literal: Option<String>,
}

impl OpenList {
    fn end_element(&mut self, text: &str) {
        let range = self.element.take().unwrap_or(0..0);
        let heading = match self.literal.take() {
            Some(literal) => literal,
            None => strip_brackets(&text[range]).to_owned(),
        };
        self.headings.push(heading);
    }
}

/// MariaDB leaves out brackets around a whole element.
fn strip_brackets(mut text: &str) -> &str {
    while let Some(inner) = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        let mut depth = 0_i32;
        let balanced = inner.bytes().all(|byte| {
            depth += i32::from(byte == b'(') - i32::from(byte == b')');
            depth >= 0
        });
        let query = inner.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
        if !balanced || query {
            break;
        }
        text = inner.trim();
    }
    text
}

fn headings(text: &str, tokens: &[TokenWithSpan]) -> HashMap<Location, Vec<String>> {
    let mut found = HashMap::new();
    let mut outer: Vec<Option<OpenList>> = Vec::new();
    let mut list: Option<OpenList> = None;
    let mut cursor = Cursor::new(text);
    let mut close = |list: &mut Option<OpenList>| {
        if let Some(mut list) = list.take() {
            list.end_element(text);
            found.insert(list.select, list.headings);
        }
    };
    for token in tokens {
        if matches!(token.token, Token::Whitespace(_)) {
            continue;
        }
        match keyword(&token.token) {
            Keyword::SELECT | Keyword::RETURNING => {
                close(&mut list);
                list = Some(OpenList {
                    select: token.span.start,
                    headings: Vec::new(),
                    element: None,
                    literal: None,
                });
                continue;
            }
            Keyword::FROM
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::LIMIT
            | Keyword::UNION
            | Keyword::INTO
            | Keyword::FOR
            | Keyword::ON => close(&mut list),
            _ => {}
        }
        if matches!(token.token, Token::SemiColon | Token::EOF) {
            close(&mut list);
        }
        if token.token == Token::RParen {
            close(&mut list);
            list = outer.pop().flatten();
        }
        if let Some(list) = &mut list {
            if token.token == Token::Comma {
                list.end_element(text);
            } else if !(list.element.is_none() && is_select_modifier(&token.token)) {
                let start = cursor.offset(token.span.start);
                let end = cursor.offset(token.span.end);
                list.literal = match (&list.element, &list.literal, &token.token) {
                    (None, _, Token::SingleQuotedString(s) | Token::DoubleQuotedString(s)) => {
                        Some(s.trim_start().to_owned())
                    }
                    (Some(_), Some(first), Token::SingleQuotedString(s) | Token::DoubleQuotedString(s)) => {
                        Some(format!("{first}{s}"))
                    }
                    (None, _, Token::Word(word))
                        if word.quote_style.is_none()
                            && matches!(word.keyword, Keyword::NULL | Keyword::TRUE | Keyword::FALSE) =>
                    {
                        Some(word.value.to_ascii_uppercase())
                    }
                    _ => None,
                };
                let start = list.element.as_ref().map_or(start, |element| element.start);
                list.element = Some(start..end);
            }
        }
        if token.token == Token::LParen {
            outer.push(list.take());
        }
    }
    close(&mut list);
    found
}

pub(super) fn keyword(token: &Token) -> Keyword {
    match token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

pub(super) fn is_select_modifier(token: &Token) -> bool {
    const MODIFIERS: [&str; 11] = [
        "DISTINCT",
        "DISTINCTROW",
        "ALL",
        "HIGH_PRIORITY",
        "STRAIGHT_JOIN",
        "SQL_SMALL_RESULT",
        "SQL_BIG_RESULT",
        "SQL_BUFFER_RESULT",
        "SQL_CACHE",
        "SQL_NO_CACHE",
        "SQL_CALC_FOUND_ROWS",
    ];
    matches!(token, Token::Word(word)
        if word.quote_style.is_none() && MODIFIERS.iter().any(|m| word.value.eq_ignore_ascii_case(m)))
}
