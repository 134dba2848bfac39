//! Expressions.

use sqlparser::ast as sp;

use super::{Lower, names, refuse, types::cast_target, unsupported};
use crate::{
    error::{Error, Result},
    sql::{
        parse::ast::{self, BinaryOp, Expr, Literal, Scope, Truth, UnaryOp},
        types::Value,
    },
};

impl Lower<'_> {
    pub(in super::super) fn exprs(&self, exprs: Vec<sp::Expr>) -> Result<Vec<Expr>> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    fn boxed(&self, expr: sp::Expr) -> Result<Box<Expr>> {
        self.expr(expr).map(Box::new)
    }

    pub(in super::super) fn expr(&self, expr: sp::Expr) -> Result<Expr> {
        match expr {
            sp::Expr::Identifier(ident) => self.identifier(ident),
            sp::Expr::CompoundIdentifier(idents) => compound_identifier(idents),
            sp::Expr::Nested(inner) => self.expr(*inner),
            sp::Expr::Value(value) => self.value(value),
            sp::Expr::Tuple(exprs) => Ok(Expr::Row(self.exprs(exprs)?)),
            sp::Expr::BinaryOp { .. } => self.binary(expr),
            sp::Expr::UnaryOp { op, expr } => self.unary(op, *expr),
            sp::Expr::IsNull(expr) => self.is(*expr, Truth::Null, false),
            sp::Expr::IsNotNull(expr) => self.is(*expr, Truth::Null, true),
            sp::Expr::IsTrue(expr) => self.is(*expr, Truth::True, false),
            sp::Expr::IsNotTrue(expr) => self.is(*expr, Truth::True, true),
            sp::Expr::IsFalse(expr) => self.is(*expr, Truth::False, false),
            sp::Expr::IsNotFalse(expr) => self.is(*expr, Truth::False, true),
            sp::Expr::IsUnknown(expr) => self.is(*expr, Truth::Unknown, false),
            sp::Expr::IsNotUnknown(expr) => self.is(*expr, Truth::Unknown, true),
            sp::Expr::InList { expr, list, negated } => {
                Ok(Expr::InList { expr: self.boxed(*expr)?, list: self.exprs(list)?, negated })
            }
            sp::Expr::InSubquery { expr, subquery, negated } => Ok(Expr::InQuery {
                expr: self.boxed(*expr)?,
                query: Box::new(self.query(*subquery)?),
                negated,
            }),
            sp::Expr::Between { expr, negated, low, high } => Ok(Expr::Between {
                expr: self.boxed(*expr)?,
                low: self.boxed(*low)?,
                high: self.boxed(*high)?,
                negated,
            }),
            sp::Expr::Like { negated, any, expr, pattern, escape_char } => {
                refuse(any, "LIKE ANY")?;
                Ok(Expr::Like {
                    expr: self.boxed(*expr)?,
                    pattern: self.boxed(*pattern)?,
                    escape: escape_char.map(|escape| self.boxed(*escape)).transpose()?,
                    negated,
                })
            }
            sp::Expr::RLike { negated, expr, pattern, regexp: _ } => {
                let op = if negated { BinaryOp::NotRegexp } else { BinaryOp::Regexp };
                Ok(Expr::Binary(self.boxed(*expr)?, op, self.boxed(*pattern)?))
            }
            sp::Expr::AnyOp { left, compare_op, right, is_some: _ } => {
                self.quantified(*left, &compare_op, *right, false)
            }
            sp::Expr::AllOp { left, compare_op, right } => self.quantified(*left, &compare_op, *right, true),
            sp::Expr::Exists { subquery, negated } => {
                let exists = Expr::Exists(Box::new(self.query(*subquery)?));
                Ok(if negated { Expr::Unary(UnaryOp::Not, Box::new(exists)) } else { exists })
            }
            sp::Expr::Subquery(query) => Ok(Expr::Subquery(Box::new(self.query(*query)?))),
            sp::Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                let operand = operand.map(|operand| self.boxed(*operand)).transpose()?;
                let branches = conditions
                    .into_iter()
                    .map(|when| Ok((self.expr(when.condition)?, self.expr(when.result)?)))
                    .collect::<Result<_>>()?;
                let otherwise = else_result.map(|otherwise| self.boxed(*otherwise)).transpose()?;
                Ok(Expr::Case { operand, branches, otherwise })
            }
            sp::Expr::Cast { kind: sp::CastKind::Cast, expr, data_type, format: None } => {
                Ok(Expr::Cast(self.boxed(*expr)?, cast_target(&data_type)?))
            }
            sp::Expr::Convert {
                is_try: false,
                expr,
                data_type,
                charset,
                target_before_value: false,
                styles,
            } if styles.is_empty() => self.convert(*expr, data_type, charset),
            sp::Expr::Collate { expr, collation } => {
                Ok(Expr::Collate(self.boxed(*expr)?, names(collation)?.join(".")))
            }
            sp::Expr::TypedString(sp::TypedString { data_type, value, uses_odbc_syntax: _ }) => {
                typed_string(&data_type, value)
            }
            // `_utf8'text'`: everything is utf8mb4 here, so the introducer of a Unicode charset says nothing.
            sp::Expr::Prefixed { prefix, value } => match prefix.value.to_ascii_lowercase().as_str() {
                "_utf8" | "_utf8mb4" | "_utf8mb3" => self.expr(*value),
                "_binary" => {
                    let target = ast::CastTarget::Binary(None);
                    Ok(Expr::Cast(self.boxed(*value)?, target))
                }
                charset => Err(Error::UnknownCharacterSet(charset.trim_start_matches('_').to_owned())),
            },
            sp::Expr::Interval(interval) => self.interval(interval),
            sp::Expr::Function(function) => self.function(function),
            sp::Expr::Extract { field, syntax: sp::ExtractSyntax::From, expr } => {
                let unit = Expr::Literal(Literal::Text(unit_name(&field)?));
                Ok(call("extract", vec![unit, self.expr(*expr)?]))
            }
            sp::Expr::Position { expr, r#in } => {
                Ok(call("locate", vec![self.expr(*expr)?, self.expr(*r#in)?]))
            }
            sp::Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                let mut args = vec![self.expr(*expr)?];
                for arg in [substring_from, substring_for].into_iter().flatten() {
                    args.push(self.expr(*arg)?);
                }
                Ok(call("substring", args))
            }
            sp::Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                refuse(trim_characters.is_some(), "TRIM of several characters")?;
                let name = match trim_where {
                    None | Some(sp::TrimWhereField::Both) => "trim",
                    Some(sp::TrimWhereField::Leading) => "ltrim",
                    Some(sp::TrimWhereField::Trailing) => "rtrim",
                };
                let mut args = vec![self.expr(*expr)?];
                if let Some(what) = trim_what {
                    args.push(self.expr(*what)?);
                }
                Ok(call(name, args))
            }
            sp::Expr::Ceil {
                expr,
                field: sp::CeilFloorKind::DateTimeField(sp::DateTimeField::NoDateTime),
            } => Ok(call("ceiling", vec![self.expr(*expr)?])),
            sp::Expr::Floor {
                expr,
                field: sp::CeilFloorKind::DateTimeField(sp::DateTimeField::NoDateTime),
            } => Ok(call("floor", vec![self.expr(*expr)?])),
            _ => unsupported("this expression"),
        }
    }

    fn identifier(&self, ident: sp::Ident) -> Result<Expr> {
        let sp::Ident { value, quote_style, span: _ } = ident;
        if quote_style.is_none() {
            if let Some(name) = value.strip_prefix("@@") {
                return Ok(Expr::SystemVariable(Scope::Any, name.to_ascii_lowercase()));
            }
            if let Some(name) = value.strip_prefix('@') {
                return Ok(Expr::UserVariable(name.to_ascii_lowercase()));
            }
            if value.eq_ignore_ascii_case("default") {
                return Ok(Expr::Default);
            }
            if let Some(digits) = value.strip_prefix("0b")
                && !digits.is_empty()
                && digits.bytes().all(|digit| matches!(digit, b'0' | b'1'))
            {
                return Ok(Expr::Literal(Literal::Bit(bit_bytes(digits)?)));
            }
        }
        Ok(Expr::Column { table: None, name: value, quoted: quote_style.is_some() })
    }

    fn value(&self, value: sp::ValueWithSpan) -> Result<Expr> {
        let literal = match value.value {
            sp::Value::Number(digits, _) => Literal::Number(digits),
            sp::Value::SingleQuotedString(text)
            | sp::Value::DoubleQuotedString(text)
            | sp::Value::NationalStringLiteral(text) => Literal::Text(text),
            sp::Value::Boolean(value) => Literal::Value(Value::Int(i64::from(value))),
            sp::Value::Null => Literal::Value(Value::Null),
            sp::Value::HexStringLiteral(digits) if self.source.is_hex_string(value.span.start) => {
                if digits.len() % 2 == 1 {
                    return Err(Error::Syntax(format!("x'{digits}' has an odd number of digits")));
                }
                Literal::Bytes(hex_bytes(&digits)?)
            }
            sp::Value::HexStringLiteral(digits) => Literal::Hex(hex_bytes(&digits)?),
            sp::Value::SingleQuotedByteStringLiteral(digits) => Literal::Bit(bit_bytes(&digits)?),
            sp::Value::Placeholder(mark) if mark == "?" => {
                return Ok(Expr::Param(self.source.param(value.span.start)));
            }
            _ => return unsupported("this literal"),
        };
        Ok(Expr::Literal(literal))
    }

    fn is(&self, expr: sp::Expr, what: Truth, negated: bool) -> Result<Expr> {
        Ok(Expr::Is { expr: self.boxed(expr)?, what, negated })
    }

    fn unary(&self, op: sp::UnaryOperator, expr: sp::Expr) -> Result<Expr> {
        let op = match op {
            sp::UnaryOperator::Plus => return self.expr(expr),
            sp::UnaryOperator::Minus => UnaryOp::Negate,
            sp::UnaryOperator::BitwiseNot => UnaryOp::BitNot,
            sp::UnaryOperator::Not | sp::UnaryOperator::BangNot => UnaryOp::Not,
            _ => return unsupported("this operator"),
        };
        Ok(Expr::Unary(op, self.boxed(expr)?))
    }

    /// Chains of operators lean to the left and may be long, so that they are taken apart in a loop; those of ANDs and
    /// of ORs become lists.
    fn binary(&self, mut expr: sp::Expr) -> Result<Expr> {
        let mut rest = Vec::new();
        while let sp::Expr::BinaryOp { left, op, right } = expr {
            rest.push((op, *right));
            expr = *left;
        }
        let mut left = self.expr(expr)?;
        while let Some((op, right)) = rest.pop() {
            let right = self.expr(right)?;
            left = match op {
                sp::BinaryOperator::And => and(left, right),
                sp::BinaryOperator::Or => or(left, right),
                sp::BinaryOperator::StringConcat if self.pipes_as_concat => call("concat", vec![left, right]),
                sp::BinaryOperator::StringConcat => or(left, right),
                op => Expr::Binary(Box::new(left), binary_op(&op)?, Box::new(right)),
            };
        }
        Ok(left)
    }

    /// `a > ANY (SELECT ...)`, `a > ALL (SELECT ...)`; equality with any of them is IN.
    fn quantified(
        &self,
        left: sp::Expr,
        op: &sp::BinaryOperator,
        right: sp::Expr,
        all: bool,
    ) -> Result<Expr> {
        let query = match right {
            sp::Expr::Subquery(query) => Box::new(self.query(*query)?),
            _ => return unsupported("ANY and ALL of anything but a subquery"),
        };
        let expr = self.boxed(left)?;
        Ok(match (binary_op(op)?, all) {
            (BinaryOp::Equal, false) => Expr::InQuery { expr, query, negated: false },
            (BinaryOp::NotEqual, true) => Expr::InQuery { expr, query, negated: true },
            (op, all) => Expr::Quantified { expr, op, query, all },
        })
    }

    fn convert(
        &self,
        expr: sp::Expr,
        data_type: Option<sp::DataType>,
        charset: Option<sp::ObjectName>,
    ) -> Result<Expr> {
        match (data_type, charset) {
            (Some(data_type), None) => Ok(Expr::Cast(self.boxed(expr)?, cast_target(&data_type)?)),
            (None, Some(charset)) => {
                let charset = names(charset)?.join(".").to_ascii_lowercase();
                let target = match charset.as_str() {
                    "utf8" | "utf8mb3" | "utf8mb4" => ast::CastTarget::Char(None),
                    "binary" => ast::CastTarget::Binary(None),
                    _ => return Err(Error::UnknownCharacterSet(charset)),
                };
                Ok(Expr::Cast(self.boxed(expr)?, target))
            }
            _ => unsupported("CONVERT to a type and a charset"),
        }
    }

    fn interval(&self, interval: sp::Interval) -> Result<Expr> {
        let sp::Interval {
            value,
            leading_field,
            leading_precision,
            last_field,
            fractional_seconds_precision,
        } = interval;
        let others =
            leading_precision.is_some() || last_field.is_some() || fractional_seconds_precision.is_some();
        refuse(others, "precision of INTERVAL")?;
        let Some(unit) = leading_field else { return unsupported("INTERVAL without a unit") };
        Ok(Expr::Interval(self.boxed(*value)?, unit_name(&unit)?))
    }

    fn function(&self, function: sp::Function) -> Result<Expr> {
        let sp::Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        refuse(uses_odbc_syntax, "{fn ...}")?;
        refuse(!matches!(parameters, sp::FunctionArguments::None), "parameters of a function")?;
        refuse(
            !within_group.is_empty() || filter.is_some() || null_treatment.is_some(),
            "WITHIN GROUP, FILTER",
        )?;
        refuse(over.is_some(), "OVER")?;
        let mut parts = names(name)?;
        let (Some(name), true) = (parts.pop(), parts.is_empty()) else {
            return unsupported("function of a database");
        };
        let mut call = ast::Function {
            name: name.to_ascii_lowercase(),
            args: Vec::new(),
            star: false,
            distinct: false,
            order_by: Vec::new(),
            separator: None,
        };
        match args {
            // CURRENT_TIMESTAMP and its kin need no brackets.
            sp::FunctionArguments::None => {}
            sp::FunctionArguments::Subquery(query) => {
                call.args.push(Expr::Subquery(Box::new(self.query(*query)?)))
            }
            sp::FunctionArguments::List(list) => self.arguments(list, &mut call)?,
        }
        if matches!(call.name.as_str(), "values" | "value") {
            return match call.args.as_slice() {
                [Expr::Column { name, .. }] => Ok(Expr::InsertValue(name.clone())),
                _ => Err(Error::Syntax("VALUES() takes a column".to_owned())),
            };
        }
        Ok(Expr::Function(Box::new(call)))
    }

    fn arguments(&self, list: sp::FunctionArgumentList, call: &mut ast::Function) -> Result<()> {
        let sp::FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        call.distinct = matches!(duplicate_treatment, Some(sp::DuplicateTreatment::Distinct));
        let units_first = matches!(call.name.as_str(), "timestampdiff" | "timestampadd" | "extract");
        for (position, arg) in args.into_iter().enumerate() {
            let sp::FunctionArg::Unnamed(arg) = arg else { return unsupported("named argument") };
            match arg {
                sp::FunctionArgExpr::Expr(expr) => {
                    let expr = match self.expr(expr)? {
                        // A unit is a word, not a column.
                        Expr::Column { table: None, name, .. } if units_first && position == 0 => {
                            Expr::Literal(Literal::Text(name.to_ascii_lowercase()))
                        }
                        expr => expr,
                    };
                    call.args.push(expr);
                }
                sp::FunctionArgExpr::Wildcard => call.star = true,
                _ => return unsupported("table.* as an argument"),
            }
        }
        if call.star && (call.name != "count" || !call.args.is_empty() || call.distinct) {
            return Err(Error::Syntax(format!("{}(*)", call.name)));
        }
        for clause in clauses {
            match clause {
                sp::FunctionArgumentClause::OrderBy(order_by) => {
                    call.order_by = self.order_by_list(order_by)?
                }
                sp::FunctionArgumentClause::Separator(value) => call.separator = value.into_string(),
                _ => return unsupported("this clause in a function's arguments"),
            }
        }
        Ok(())
    }
}

fn binary_op(op: &sp::BinaryOperator) -> Result<BinaryOp> {
    use sp::BinaryOperator as Op;
    Ok(match op {
        Op::Plus => BinaryOp::Add,
        Op::Minus => BinaryOp::Subtract,
        Op::Multiply => BinaryOp::Multiply,
        Op::Divide => BinaryOp::Divide,
        Op::Modulo => BinaryOp::Modulo,
        Op::MyIntegerDivide => BinaryOp::IntegerDivide,
        Op::Gt => BinaryOp::Greater,
        Op::Lt => BinaryOp::Less,
        Op::GtEq => BinaryOp::GreaterOrEqual,
        Op::LtEq => BinaryOp::LessOrEqual,
        Op::Spaceship => BinaryOp::NullSafeEqual,
        Op::Eq => BinaryOp::Equal,
        Op::NotEq => BinaryOp::NotEqual,
        Op::Xor => BinaryOp::Xor,
        Op::BitwiseOr => BinaryOp::BitOr,
        Op::BitwiseAnd => BinaryOp::BitAnd,
        Op::BitwiseXor => BinaryOp::BitXor,
        Op::PGBitwiseShiftLeft => BinaryOp::ShiftLeft,
        Op::PGBitwiseShiftRight => BinaryOp::ShiftRight,
        _ => return unsupported("this operator"),
    })
}

/// Joins by AND, into one list.
fn and(left: Expr, right: Expr) -> Expr {
    match left {
        Expr::And(mut all) => {
            all.push(right);
            Expr::And(all)
        }
        left => Expr::And(vec![left, right]),
    }
}

/// Joins by OR, into one list.
fn or(left: Expr, right: Expr) -> Expr {
    match left {
        Expr::Or(mut any) => {
            any.push(right);
            Expr::Or(any)
        }
        left => Expr::Or(vec![left, right]),
    }
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(Box::new(ast::Function {
        name: name.to_owned(),
        args,
        star: false,
        distinct: false,
        order_by: Vec::new(),
        separator: None,
    }))
}

fn compound_identifier(idents: Vec<sp::Ident>) -> Result<Expr> {
    let mut parts: Vec<String> = idents.into_iter().map(|ident| ident.value).collect();
    let name = parts.pop().unwrap_or_default();
    match parts.first().map(|first| first.to_ascii_lowercase()).as_deref() {
        Some("@@session" | "@@local") => {
            return Ok(Expr::SystemVariable(Scope::Session, name.to_ascii_lowercase()));
        }
        Some("@@global") => return Ok(Expr::SystemVariable(Scope::Global, name.to_ascii_lowercase())),
        _ => {}
    }
    let table = parts.pop().unwrap_or_default();
    let database = parts.pop();
    refuse(!parts.is_empty(), "name of four parts")?;
    Ok(Expr::Column { table: Some(ast::TableName { database, name: table }), name, quoted: true })
}

fn typed_string(data_type: &sp::DataType, value: sp::ValueWithSpan) -> Result<Expr> {
    let text = value.into_string().unwrap_or_default();
    Ok(Expr::Literal(match data_type {
        sp::DataType::Date => Literal::Date(text),
        sp::DataType::Time(None, sp::TimezoneInfo::None) => Literal::Time(text),
        sp::DataType::Timestamp(None, sp::TimezoneInfo::None) => Literal::DateTime(text),
        _ => return unsupported("literal of this type"),
    }))
}

/// The unit of an INTERVAL or EXTRACT, in lower case.
fn unit_name(field: &sp::DateTimeField) -> Result<String> {
    use sp::DateTimeField as F;
    Ok(match field {
        F::Year => "year",
        F::Quarter => "quarter",
        F::Month => "month",
        F::Week(None) => "week",
        F::Day => "day",
        F::Hour => "hour",
        F::Minute => "minute",
        F::Second => "second",
        F::Microsecond => "microsecond",
        F::Custom(unit) => return Ok(unit.value.to_ascii_lowercase()),
        _ => return unsupported("this unit of time"),
    }
    .to_owned())
}

fn hex_bytes(digits: &str) -> Result<Vec<u8>> {
    let invalid = || Error::Syntax(format!("'{digits}' is no hexadecimal number"));
    let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    if !padded.is_ascii() {
        return Err(invalid());
    }
    (0..padded.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&padded[at..at + 2], 16).map_err(|_| invalid()))
        .collect()
}

fn bit_bytes(digits: &str) -> Result<Vec<u8>> {
    let invalid = || Error::Syntax(format!("'{digits}' is no binary number"));
    if !digits.bytes().all(|digit| matches!(digit, b'0' | b'1')) {
        return Err(invalid());
    }
    let padded = format!("{}{digits}", "0".repeat((8 - digits.len() % 8) % 8));
    (0..padded.len())
        .step_by(8)
        .map(|at| u8::from_str_radix(&padded[at..at + 8], 2).map_err(|_| invalid()))
        .collect()
}
