//! sqlparser's MySQL dialect, with the operator precedence that MariaDB's grammar has.

use std::any::{Any, TypeId};

use sqlparser::{
    ast::{
        BinaryOperator, CastKind, DataType, DateTimeField, Expr, ExtractSyntax, Function, FunctionArg,
        FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, Interval, ObjectName, Statement,
        UnaryOperator,
    },
    dialect::{Dialect, MySqlDialect, Precedence},
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::Token,
};

// From loose to tight. LIKE, IN, BETWEEN and REGEXP take operands of tighter operators only, and are operands of `=`.
const OR: u8 = 5;
const XOR: u8 = 8;
const AND: u8 = 10;
const NOT: u8 = 15;
const COMPARISON: u8 = 20;
const PREDICATE: u8 = 22;
const BIT_OR: u8 = 24;
const BIT_AND: u8 = 26;
const SHIFT: u8 = 28;
const ADDITIVE: u8 = 30;
const MULTIPLICATIVE: u8 = 40;
const BIT_XOR: u8 = 42;
const CONCAT: u8 = 43;
const UNARY: u8 = 45;
const BANG: u8 = 47;
const COLLATE: u8 = 50;
const PERIOD: u8 = 100;

/// CometQL's dialect.
#[derive(Debug)]
pub(super) struct CometQl {
    /// `||` concatenates (sql_mode PIPES_AS_CONCAT) instead of meaning OR.
    pub(super) pipes_as_concat: bool,
}

/// The rest is as the MySQL dialect has it.
const MYSQL: MySqlDialect = MySqlDialect {};

impl CometQl {
    fn precedence(&self, parser: &Parser) -> u8 {
        let token = parser.peek_token_ref();
        match &token.token {
            Token::Word(word) => match word.keyword {
                Keyword::OR => OR,
                Keyword::XOR => XOR,
                Keyword::AND => AND,
                Keyword::IS => COMPARISON,
                Keyword::IN | Keyword::BETWEEN | Keyword::LIKE | Keyword::RLIKE | Keyword::REGEXP => {
                    PREDICATE
                }
                Keyword::NOT => match &parser.peek_nth_token_ref(1).token {
                    Token::Word(next) => match next.keyword {
                        Keyword::IN | Keyword::BETWEEN | Keyword::LIKE | Keyword::RLIKE | Keyword::REGEXP => {
                            PREDICATE
                        }
                        _ => 0,
                    },
                    _ => 0,
                },
                Keyword::DIV => MULTIPLICATIVE,
                _ if is_word(&token.token, "mod") => MULTIPLICATIVE,
                _ if is_word(&token.token, "sounds") => PREDICATE,
                _ => 0,
            },
            Token::StringConcat if self.pipes_as_concat => CONCAT,
            Token::StringConcat => OR,
            Token::Overlap => AND,
            Token::Eq | Token::Lt | Token::LtEq | Token::Neq | Token::Gt | Token::GtEq | Token::Spaceship => {
                COMPARISON
            }
            Token::Pipe => BIT_OR,
            Token::Ampersand => BIT_AND,
            Token::ShiftLeft | Token::ShiftRight => SHIFT,
            Token::Plus | Token::Minus => ADDITIVE,
            Token::Mul | Token::Div | Token::Mod => MULTIPLICATIVE,
            Token::Caret => BIT_XOR,
            Token::Period => PERIOD,
            _ => 0,
        }
    }
}

/// Whether a token is this word, which sqlparser does not know as a keyword.
fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

/// A call of a function.
fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Whether a bracket with several elements follows the next token: `INTERVAL(1, 2, 3)` is a function.
fn list_follows(parser: &Parser) -> bool {
    let mut depth = 0_usize;
    for n in 1.. {
        match parser.peek_nth_token_ref(n).token {
            Token::LParen => depth += 1,
            Token::RParen if depth <= 1 => return false,
            Token::RParen => depth -= 1,
            Token::Comma if depth == 1 => return true,
            Token::EOF => return false,
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

/// `INTERVAL value unit`, with any word for the unit: sqlparser knows none of the compound ones.
fn parse_interval(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.advance_token();
    let value = Box::new(parser.parse_expr()?);
    let unit = parser.parse_identifier()?;
    Ok(Expr::Interval(Interval {
        value,
        leading_field: Some(DateTimeField::Custom(unit)),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}

/// `(unit FROM value)` behind EXTRACT, with any word for the unit.
fn parse_extract(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let field = DateTimeField::Custom(parser.parse_identifier()?);
    parser.expect_keyword(Keyword::FROM)?;
    let expr = Box::new(parser.parse_expr()?);
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Extract { field, syntax: ExtractSyntax::From, expr })
}

/// `(a, b [USING charset])` behind the name of a function.
fn parse_call(parser: &mut Parser, name: &str) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let args = parser.parse_comma_separated(Parser::parse_expr)?;
    let charset =
        if parser.parse_keyword(Keyword::USING) { Some(parser.parse_object_name(false)?) } else { None };
    parser.expect_token(&Token::RParen)?;
    Ok(in_charset(call(name, args), charset))
}

/// `(value AS type [CHARACTER SET charset])` behind CAST; sqlparser does not know the last part.
fn parse_cast(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let expr = Box::new(parser.parse_expr()?);
    parser.expect_keyword(Keyword::AS)?;
    let data_type = parser.parse_data_type()?;
    let named =
        parser.parse_keywords(&[Keyword::CHARACTER, Keyword::SET]) || parser.parse_keyword(Keyword::CHARSET);
    let charset = if named { Some(parser.parse_object_name(false)?) } else { None };
    parser.expect_token(&Token::RParen)?;
    Ok(in_charset(Expr::Cast { kind: CastKind::Cast, expr, data_type, format: None }, charset))
}

/// An expression as CONVERT(expr USING charset) has it.
fn in_charset(expr: Expr, charset: Option<ObjectName>) -> Expr {
    match charset {
        None => expr,
        charset => Expr::Convert {
            is_try: false,
            expr: Box::new(expr),
            data_type: None,
            charset,
            target_before_value: false,
            styles: Vec::new(),
        },
    }
}

fn unary(parser: &mut Parser, op: UnaryOperator, precedence: u8) -> Result<Expr, ParserError> {
    Ok(Expr::UnaryOp { op, expr: Box::new(parser.parse_subexpr(precedence)?) })
}

impl Dialect for CometQl {
    // sqlparser asks for the dialect's type where MySQL differs.
    fn dialect(&self) -> TypeId {
        MYSQL.type_id()
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        Some(Ok(self.precedence(parser)))
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Period => PERIOD,
            Precedence::DoubleColon | Precedence::AtTz | Precedence::Colon | Precedence::PgOther => COLLATE,
            Precedence::MulDivModOp => MULTIPLICATIVE,
            Precedence::PlusMinus => ADDITIVE,
            Precedence::Xor => XOR,
            Precedence::Ampersand => BIT_AND,
            Precedence::Caret => BIT_XOR,
            Precedence::Pipe => BIT_OR,
            Precedence::Between | Precedence::Like => PREDICATE,
            Precedence::Eq | Precedence::Is => COMPARISON,
            Precedence::UnaryNot => NOT,
            Precedence::And => AND,
            Precedence::Or => OR,
        }
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let (op, precedence) = match parser.peek_token_ref().token {
            Token::Minus => (UnaryOperator::Minus, UNARY),
            Token::Plus => (UnaryOperator::Plus, UNARY),
            Token::Tilde => (UnaryOperator::BitwiseNot, UNARY),
            Token::ExclamationMark => (UnaryOperator::BangNot, BANG),
            Token::Word(ref word) if word.keyword == Keyword::BINARY => {
                parser.advance_token();
                return Some(parser.parse_subexpr(BANG).map(|expr| Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(expr),
                    data_type: DataType::Binary(None),
                    format: None,
                }));
            }
            Token::Word(ref word) if word.keyword == Keyword::INTERVAL => {
                return Some(if list_follows(parser) {
                    parse_call(parser, "interval")
                } else {
                    parse_interval(parser)
                });
            }
            Token::Word(ref word)
                if word.keyword == Keyword::EXTRACT
                    && parser.peek_nth_token_ref(1).token == Token::LParen =>
            {
                return Some(parse_extract(parser));
            }
            Token::Word(ref word)
                if word.keyword == Keyword::CAST && parser.peek_nth_token_ref(1).token == Token::LParen =>
            {
                return Some(parse_cast(parser));
            }
            Token::Word(ref word)
                if word.keyword == Keyword::CHAR && parser.peek_nth_token_ref(1).token == Token::LParen =>
            {
                return Some(parse_call(parser, "char"));
            }
            _ => return None,
        };
        parser.advance_token();
        Some(unary(parser, op, precedence))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let keyword = |n: usize| match &parser.peek_nth_token_ref(n).token {
            Token::Word(word) if word.quote_style.is_none() => word.keyword,
            _ => Keyword::NoKeyword,
        };
        let negated = keyword(0) == Keyword::NOT;
        // sqlparser loses the pattern of `a REGEXP NULL`.
        if matches!(keyword(usize::from(negated)), Keyword::REGEXP | Keyword::RLIKE) {
            let expr = Box::new(left.clone());
            (0..=usize::from(negated)).for_each(|_| parser.advance_token());
            let pattern = parser.parse_subexpr(precedence).map(Box::new);
            return Some(pattern.map(|pattern| Expr::RLike { negated, expr, pattern, regexp: true }));
        }
        let op = match &parser.peek_token_ref().token {
            Token::Word(word) if word.keyword == Keyword::DIV => BinaryOperator::MyIntegerDivide,
            token if is_word(token, "mod") => BinaryOperator::Modulo,
            token if is_word(token, "sounds") && keyword(1) == Keyword::LIKE => {
                let left = left.clone();
                parser.advance_token();
                parser.advance_token();
                return Some(parser.parse_subexpr(precedence).map(|right| Expr::BinaryOp {
                    left: Box::new(call("soundex", vec![left])),
                    op: BinaryOperator::Eq,
                    right: Box::new(call("soundex", vec![right])),
                }));
            }
            _ => return None,
        };
        parser.advance_token();
        Some(parser.parse_subexpr(precedence).map(|right| Expr::BinaryOp {
            left: Box::new(left.clone()),
            op,
            right: Box::new(right),
        }))
    }

    fn parse_statement(&self, _parser: &mut Parser) -> Option<Result<Statement, ParserError>> {
        None
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        MYSQL.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        MYSQL.is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        MYSQL.is_delimited_identifier_start(ch)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        MYSQL.identifier_quote_style(identifier)
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        MYSQL.supports_string_literal_backslash_escape()
    }

    fn supports_string_literal_concatenation(&self) -> bool {
        MYSQL.supports_string_literal_concatenation()
    }

    fn ignores_wildcard_escapes(&self) -> bool {
        MYSQL.ignores_wildcard_escapes()
    }

    fn supports_numeric_prefix(&self) -> bool {
        MYSQL.supports_numeric_prefix()
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        MYSQL.supports_bitwise_shift_operators()
    }

    fn require_interval_qualifier(&self) -> bool {
        MYSQL.require_interval_qualifier()
    }

    fn supports_limit_comma(&self) -> bool {
        MYSQL.supports_limit_comma()
    }

    fn supports_insert_set(&self) -> bool {
        MYSQL.supports_insert_set()
    }

    fn is_table_factor_alias(&self, explicit: bool, keyword: &Keyword, parser: &mut Parser) -> bool {
        // LOCK IN SHARE MODE follows.
        (explicit || *keyword != Keyword::LOCK) && MYSQL.is_table_factor_alias(explicit, keyword, parser)
    }

    fn is_select_item_alias(&self, explicit: bool, keyword: &Keyword, parser: &mut Parser) -> bool {
        // ON DUPLICATE KEY UPDATE follows.
        (explicit || *keyword != Keyword::ON) && MYSQL.is_select_item_alias(explicit, keyword, parser)
    }

    fn supports_table_hints(&self) -> bool {
        MYSQL.supports_table_hints()
    }

    fn requires_single_line_comment_whitespace(&self) -> bool {
        MYSQL.requires_single_line_comment_whitespace()
    }

    fn supports_select_modifiers(&self) -> bool {
        MYSQL.supports_select_modifiers()
    }

    fn supports_update_order_by(&self) -> bool {
        MYSQL.supports_update_order_by()
    }

    fn supports_data_type_signed_suffix(&self) -> bool {
        MYSQL.supports_data_type_signed_suffix()
    }

    fn supports_cross_join_constraint(&self) -> bool {
        MYSQL.supports_cross_join_constraint()
    }

    fn supports_double_ampersand_operator(&self) -> bool {
        MYSQL.supports_double_ampersand_operator()
    }

    fn supports_group_by_with_modifier(&self) -> bool {
        MYSQL.supports_group_by_with_modifier()
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        MYSQL.supports_left_associative_joins_without_parens()
    }

    // Our DDL (`migrations/`) is parsed with this dialect too.
    fn supports_constraint_keyword_without_name(&self) -> bool {
        MYSQL.supports_constraint_keyword_without_name()
    }

    fn supports_key_column_option(&self) -> bool {
        MYSQL.supports_key_column_option()
    }
}
