//! A function bound to the types of its arguments.

use std::{borrow::Cow, slice, sync::OnceLock};

use bigdecimal::BigDecimal;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use compact_str::CompactString;
use regex::Regex;
use smallvec::SmallVec;

use super::{EvalContext, Evaluate, Function};
use crate::{
    error::{Error, Result},
    sql::types::{ExprType, Value, convert, hex_number},
};

/// What is known of an argument before it is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its type.
    pub expr_type: ExprType,
    /// Its value, if it is a constant.
    pub constant: Option<Value>,
}

impl Argument {
    /// An argument that depends on the row.
    pub fn new(expr_type: ExprType) -> Self {
        Argument { expr_type, constant: None }
    }

    /// An argument that is known.
    pub fn constant(expr_type: ExprType, value: Value) -> Self {
        Argument { expr_type, constant: Some(value) }
    }
}

/// What CAST and CONVERT turn a value into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastTarget {
    /// CHAR or CHAR(n), n in characters; also CONVERT(x USING utf8mb4).
    Char(Option<u32>),
    /// BINARY or BINARY(n), n in bytes; also CONVERT(x USING binary) and the operator BINARY.
    Binary(Option<u32>),
    /// SIGNED [INTEGER].
    Signed,
    /// UNSIGNED [INTEGER].
    Unsigned,
    /// DECIMAL(precision, scale); plain DECIMAL is (10, 0).
    Decimal(u8, u8),
    /// FLOAT.
    Float,
    /// DOUBLE.
    Double,
    /// DATE.
    Date,
    /// TIME(fsp).
    Time(u8),
    /// DATETIME(fsp).
    DateTime(u8),
}

impl CastTarget {
    fn is_number(self) -> bool {
        use CastTarget::{Decimal, Double, Float, Signed, Unsigned};
        matches!(self, Signed | Unsigned | Decimal(..) | Float | Double)
    }
}

/// A function bound to the types of its arguments.
#[derive(Debug)]
pub struct Call {
    function: &'static Function,
    args: Box<[ExprType]>,
    result: ExprType,
    /// What CAST casts to.
    pub(super) target: Option<CastTarget>,
    /// The constant pattern of a REGEXP, compiled when first needed.
    pub(super) regex: OnceLock<Regex>,
    /// Whether all arguments are constants.
    pub(super) constant_args: bool,
    /// Whether the second argument, the pattern of a REGEXP, is a constant.
    pub(super) constant_pattern: bool,
    /// Whether an argument is bytes, so that texts are taken as bytes too.
    pub(super) binary: bool,
    hex_args: bool,
}

impl Call {
    /// Binds a function. Fails when the number of arguments is wrong (1582).
    pub fn new(function: &'static Function, args: &[Argument]) -> Result<Call> {
        if !(function.min_args..=function.max_args).contains(&args.len()) {
            return Err(if function.in_grammar {
                Error::Syntax(format!("wrong number of arguments of '{}'", function.name))
            } else {
                Error::ArgumentCount(function.name.to_owned())
            });
        }
        Ok(Self::bind(function, args, (function.infer)(args), None))
    }

    /// Binds CAST.
    pub fn cast(arg: &Argument, target: CastTarget) -> Call {
        let result = super::cast::result_type(&arg.expr_type, target);
        Self::bind(&super::cast::CAST, slice::from_ref(arg), result, Some(target))
    }

    fn bind(
        function: &'static Function,
        args: &[Argument],
        result: ExprType,
        target: Option<CastTarget>,
    ) -> Call {
        Call {
            function,
            args: args.iter().map(|arg| arg.expr_type).collect(),
            result,
            target,
            regex: OnceLock::new(),
            constant_args: args.iter().all(|arg| arg.constant.is_some()),
            constant_pattern: args.get(1).is_some_and(|arg| arg.constant.is_some()),
            binary: any_binary(args),
            hex_args: (function.numeric || target.is_some_and(CastTarget::is_number))
                && args.iter().any(|arg| arg.expr_type.hex_literal),
        }
    }

    /// The function.
    pub fn function(&self) -> &'static Function {
        self.function
    }

    /// The types of the arguments.
    pub fn args(&self) -> &[ExprType] {
        &self.args
    }

    /// The type of the result.
    pub fn result(&self) -> &ExprType {
        &self.result
    }

    /// Computes the result; `arg` gives the value of the argument at an index.
    pub fn evaluate<'a>(
        &'a self,
        context: &'a EvalContext,
        arg: &mut dyn FnMut(usize) -> Result<Cow<'a, Value>>,
    ) -> Result<Value> {
        match self.function.evaluate {
            Evaluate::Eager(evaluate) => {
                let mut args = SmallVec::<[Cow<'a, Value>; 4]>::with_capacity(self.args.len());
                for index in 0..self.args.len() {
                    args.push(self.hex_as_number(index, arg(index)?));
                }
                evaluate(&Invocation { context, call: self, args: &args })
            }
            Evaluate::Lazy(evaluate) => evaluate(&mut LazyInvocation { context, call: self, arg }),
        }
    }

    /// Computes the result from the values of all arguments.
    pub fn evaluate_values(&self, context: &EvalContext, values: &[Value]) -> Result<Value> {
        self.evaluate(context, &mut |index| {
            values.get(index).map(Cow::Borrowed).ok_or_else(|| {
                Error::Internal(format!("argument {index} of {} is missing", self.function.name))
            })
        })
    }

    /// `0x41` is the number 65 where the function is about numbers.
    fn hex_as_number<'a>(&self, index: usize, value: Cow<'a, Value>) -> Cow<'a, Value> {
        match &*value {
            Value::Bytes(bytes) if self.hex_args && self.args[index].hex_literal => {
                Cow::Owned(Value::UInt(hex_number(bytes)))
            }
            _ => value,
        }
    }
}

/// One computation of a function from the values of all its arguments.
pub struct Invocation<'a> {
    /// The statement's surroundings.
    pub context: &'a EvalContext,
    /// The bound function.
    pub call: &'a Call,
    args: &'a [Cow<'a, Value>],
}

impl<'a> Invocation<'a> {
    /// How many arguments there are.
    pub fn count(&self) -> usize {
        self.args.len()
    }

    /// The value of an argument.
    pub fn value(&self, index: usize) -> &'a Value {
        &self.args[index]
    }

    /// The value of an argument, None for NULL.
    pub fn not_null(&self, index: usize) -> Option<&'a Value> {
        Some(self.value(index)).filter(|value| !value.is_null())
    }

    /// An argument's text form; None for NULL. If one of the arguments is bytes, then so is this one, and each byte
    /// counts as the character of its number.
    pub fn text(&self, index: usize) -> Option<Cow<'a, str>> {
        if self.call.binary {
            let bytes = self.bytes(index)?;
            return Some(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()));
        }
        convert::to_text(self.value(index), &self.call.args[index])
    }

    /// The bytes of an argument's text form; None for NULL.
    pub fn bytes(&self, index: usize) -> Option<Cow<'a, [u8]>> {
        convert::to_bytes(self.value(index), &self.call.args[index])
    }

    /// An argument as a floating point number; None for NULL.
    pub fn double(&self, index: usize) -> Option<f64> {
        self.context.converter().double(self.value(index))
    }

    /// An argument as an exact number; None for NULL.
    pub fn decimal(&self, index: usize) -> Option<BigDecimal> {
        self.context.converter().decimal(self.value(index))
    }

    /// An argument as an integer; None for NULL.
    pub fn integer(&self, index: usize) -> Option<i128> {
        self.context.converter().integer(self.value(index))
    }

    /// An argument as a moment; None for NULL, and with a warning for what names none.
    pub fn datetime(&self, index: usize) -> Option<NaiveDateTime> {
        self.context.converter().datetime(self.value(index))
    }

    /// An argument as a day; None as for [`Self::datetime`].
    pub fn date(&self, index: usize) -> Option<NaiveDate> {
        self.context.converter().date(self.value(index))
    }

    /// An argument as a span; None as for [`Self::datetime`].
    pub fn time(&self, index: usize) -> Option<TimeDelta> {
        self.context.converter().time(self.value(index))
    }

    /// Whether a result of so many bytes is beyond the bound; warns if so.
    pub fn is_too_long(&self, bytes: u64) -> bool {
        let max = self.context.max_result_bytes;
        if bytes > max {
            self.context.warnings.too_long_result(self.call.function.name, max);
        }
        bytes > max
    }

    /// A text as the result: NULL, with a warning, if it is too long.
    pub fn string(&self, text: impl Into<CompactString>) -> Value {
        let text = text.into();
        if self.is_too_long(text.len() as u64) {
            return Value::Null;
        }
        if self.call.result.data_type.is_binary() {
            // Back to bytes, see `text`.
            Value::Bytes(text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect())
        } else {
            Value::Text(text)
        }
    }
}

/// One computation of a function that asks for its arguments.
pub struct LazyInvocation<'a, 'f> {
    /// The statement's surroundings.
    pub context: &'a EvalContext,
    /// The bound function.
    pub call: &'a Call,
    arg: &'f mut dyn FnMut(usize) -> Result<Cow<'a, Value>>,
}

impl<'a> LazyInvocation<'a, '_> {
    /// How many arguments there are.
    pub fn count(&self) -> usize {
        self.call.args.len()
    }

    /// Computes an argument.
    pub fn value(&mut self, index: usize) -> Result<Cow<'a, Value>> {
        Ok(self.call.hex_as_number(index, (self.arg)(index)?))
    }

    /// Computes an argument, and whether it counts as true; None for NULL.
    pub fn truth(&mut self, index: usize) -> Result<Option<bool>> {
        let value = self.value(index)?;
        Ok(match &*value {
            Value::Int(value) => Some(*value != 0),
            value => self.context.converter().truth(value),
        })
    }

    /// Computes an argument and turns it into the type of the result.
    pub fn result(&mut self, index: usize) -> Result<Value> {
        let value = self.value(index)?;
        Ok(super::result_type::convert(value, &self.call.args[index], &self.call.result, self.context))
    }
}

/// Whether any of these can be NULL.
pub(super) fn any_nullable(args: &[Argument]) -> bool {
    args.iter().any(|arg| arg.expr_type.nullable)
}

/// Whether any of these is bytes, which makes a string function's result bytes.
pub(super) fn any_binary(args: &[Argument]) -> bool {
    args.iter().any(|arg| arg.expr_type.data_type.is_binary())
}

/// TRUE, FALSE or, for None, NULL.
pub(super) fn boolean(value: Option<bool>) -> Value {
    value.map_or(Value::Null, |value| Value::Int(i64::from(value)))
}

/// The type of a BOOLEAN that is NULL if an argument is.
pub(super) fn infer_boolean(args: &[Argument]) -> ExprType {
    ExprType::boolean().nullable(any_nullable(args))
}

/// The type of a BOOLEAN that is never NULL.
pub(super) fn infer_truth(_: &[Argument]) -> ExprType {
    ExprType::boolean()
}
