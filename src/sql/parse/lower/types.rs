//! The types of CAST and CONVERT.

use sqlparser::ast::{BinaryLength, CharacterLength, DataType, ExactNumberInfo};

use super::unsupported;
use crate::{
    error::{Error, Result},
    sql::parse::ast::CastTarget,
};

/// Digits of DECIMAL without a precision.
const DEFAULT_PRECISION: u8 = 10;
/// Most digits of a second.
const MAX_FRACTION: u64 = 6;

pub(super) fn cast_target(data_type: &DataType) -> Result<CastTarget> {
    Ok(match *data_type {
        DataType::Signed | DataType::SignedInteger | DataType::Int(None) | DataType::Integer(None) => {
            CastTarget::Signed
        }
        DataType::Unsigned | DataType::UnsignedInteger => CastTarget::Unsigned,
        DataType::Decimal(info) | DataType::Dec(info) | DataType::Numeric(info) => {
            let small = |n: u64| u8::try_from(n).ok();
            let (precision, scale) = match info {
                ExactNumberInfo::None => (Some(DEFAULT_PRECISION), Some(0)),
                ExactNumberInfo::Precision(0) => (Some(DEFAULT_PRECISION), Some(0)),
                ExactNumberInfo::Precision(precision) => (small(precision), Some(0)),
                ExactNumberInfo::PrecisionAndScale(precision, scale) => {
                    (small(precision), u8::try_from(scale).ok())
                }
            };
            match (precision, scale) {
                (Some(precision @ 1..=65), Some(scale @ 0..=38)) if scale <= precision => {
                    CastTarget::Decimal { precision, scale }
                }
                _ => return unsupported("DECIMAL of this size"),
            }
        }
        DataType::Float(ExactNumberInfo::None) => CastTarget::Float,
        DataType::Double(ExactNumberInfo::None) | DataType::DoublePrecision | DataType::Real => {
            CastTarget::Double
        }
        DataType::Char(length)
        | DataType::Character(length)
        | DataType::Varchar(length)
        | DataType::Nvarchar(length) => CastTarget::Char(match length {
            None => None,
            Some(CharacterLength::IntegerLength { length, unit: None }) => Some(clamp(length)),
            Some(_) => return unsupported("CHAR of this size"),
        }),
        DataType::Binary(length) => CastTarget::Binary(length.map(clamp)),
        DataType::Varbinary(Some(BinaryLength::IntegerLength { length })) => {
            CastTarget::Binary(Some(clamp(length)))
        }
        DataType::Date => CastTarget::Date,
        DataType::Time(fraction, sqlparser::ast::TimezoneInfo::None) => {
            CastTarget::Time(fraction_digits(fraction)?)
        }
        DataType::Datetime(fraction) => CastTarget::DateTime(fraction_digits(fraction)?),
        DataType::Custom(ref name, _) => {
            return Err(Error::UnknownDataType(super::names(name.clone())?.join(".")));
        }
        _ => return unsupported("CAST to this type"),
    })
}

fn clamp(length: u64) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn fraction_digits(digits: Option<u64>) -> Result<u8> {
    match digits {
        None => Ok(0),
        Some(digits @ 0..=MAX_FRACTION) => Ok(u8::try_from(digits).unwrap_or(0)),
        Some(_) => unsupported("more than 6 digits of a second"),
    }
}
