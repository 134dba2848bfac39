//! The type of a column or of an expression's result.

use std::fmt;

use chrono::TimeDelta;

use super::{Value, decimal, temporal};

/// Width of an integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntWidth {
    /// TINYINT: 1 byte.
    Tiny,
    /// SMALLINT: 2 bytes.
    Small,
    /// MEDIUMINT: 3 bytes.
    Medium,
    /// INT: 4 bytes.
    Int,
    /// BIGINT: 8 bytes.
    Big,
}

/// Width of a TEXT or BLOB type: how many bytes it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextWidth {
    /// 255 bytes.
    Tiny,
    /// 65 535 bytes.
    Normal,
    /// 16 777 215 bytes.
    Medium,
    /// 4 294 967 295 bytes.
    Long,
}

/// A column's or an expression's type, as MariaDB names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// The type of a bare NULL.
    Null,
    /// The integer types; `unsigned` as declared.
    Integer {
        /// How many bytes.
        width: IntWidth,
        /// UNSIGNED.
        unsigned: bool,
    },
    /// DECIMAL(precision, scale).
    Decimal {
        /// Digits in all, up to 65.
        precision: u8,
        /// Digits after the point, up to 38.
        scale: u8,
    },
    /// FLOAT: 4 bytes.
    Float,
    /// DOUBLE: 8 bytes.
    Double,
    /// CHAR(n), n in characters.
    Char(u32),
    /// VARCHAR(n), n in characters.
    VarChar(u32),
    /// TINYTEXT to LONGTEXT.
    Text(TextWidth),
    /// BINARY(n), n in bytes.
    Binary(u32),
    /// VARBINARY(n), n in bytes.
    VarBinary(u32),
    /// TINYBLOB to LONGBLOB.
    Blob(TextWidth),
    /// DATE.
    Date,
    /// TIME, with `0..=6` digits of a second.
    Time(u8),
    /// DATETIME, with `0..=6` digits of a second.
    DateTime(u8),
    /// TIMESTAMP, with `0..=6` digits of a second.
    Timestamp(u8),
}

/// How values of a type are compared and computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Whole numbers.
    Integer,
    /// Exact numbers with a point.
    Decimal,
    /// Floating point numbers.
    Double,
    /// Texts and bytes.
    String,
    /// DATE, TIME, DATETIME and TIMESTAMP.
    Temporal,
}

impl IntWidth {
    /// Least and greatest value of the signed type.
    pub fn signed_range(self) -> (i64, i64) {
        match self {
            IntWidth::Tiny => (i8::MIN.into(), i8::MAX.into()),
            IntWidth::Small => (i16::MIN.into(), i16::MAX.into()),
            IntWidth::Medium => (-(1 << 23), (1 << 23) - 1),
            IntWidth::Int => (i32::MIN.into(), i32::MAX.into()),
            IntWidth::Big => (i64::MIN, i64::MAX),
        }
    }

    /// Greatest value of the unsigned type.
    pub fn unsigned_max(self) -> u64 {
        match self {
            IntWidth::Tiny => u8::MAX.into(),
            IntWidth::Small => u16::MAX.into(),
            IntWidth::Medium => (1 << 24) - 1,
            IntWidth::Int => u32::MAX.into(),
            IntWidth::Big => u64::MAX,
        }
    }

    /// Characters of the longest value: the `11` of `int(11)`.
    fn display_length(self, unsigned: bool) -> u32 {
        match (self, unsigned) {
            (IntWidth::Tiny, false) => 4,
            (IntWidth::Tiny, true) => 3,
            (IntWidth::Small, false) => 6,
            (IntWidth::Small, true) => 5,
            (IntWidth::Medium, false) => 9,
            (IntWidth::Medium, true) => 8,
            (IntWidth::Int, false) => 11,
            (IntWidth::Int, true) => 10,
            (IntWidth::Big, _) => 20,
        }
    }
}

impl TextWidth {
    /// Most bytes.
    pub fn max_bytes(self) -> u32 {
        match self {
            TextWidth::Tiny => 255,
            TextWidth::Normal => 65_535,
            TextWidth::Medium => 16_777_215,
            TextWidth::Long => u32::MAX,
        }
    }

    /// What stands before TEXT or BLOB in the type's name.
    fn prefix(self) -> &'static str {
        match self {
            TextWidth::Tiny => "tiny",
            TextWidth::Normal => "",
            TextWidth::Medium => "medium",
            TextWidth::Long => "long",
        }
    }
}

impl DataType {
    /// How its values are compared and computed with. NULL counts as a string, as in MariaDB.
    pub fn class(self) -> Class {
        match self {
            DataType::Integer { .. } => Class::Integer,
            DataType::Decimal { .. } => Class::Decimal,
            DataType::Float | DataType::Double => Class::Double,
            DataType::Null
            | DataType::Char(_)
            | DataType::VarChar(_)
            | DataType::Text(_)
            | DataType::Binary(_)
            | DataType::VarBinary(_)
            | DataType::Blob(_) => Class::String,
            DataType::Date | DataType::Time(_) | DataType::DateTime(_) | DataType::Timestamp(_) => {
                Class::Temporal
            }
        }
    }

    /// Whether its values are characters.
    pub fn is_text(self) -> bool {
        matches!(self, DataType::Char(_) | DataType::VarChar(_) | DataType::Text(_))
    }

    /// Whether its values are bytes without a character set.
    pub fn is_binary(self) -> bool {
        matches!(self, DataType::Binary(_) | DataType::VarBinary(_) | DataType::Blob(_))
    }

    /// Whether it is an UNSIGNED integer.
    pub fn is_unsigned(self) -> bool {
        matches!(self, DataType::Integer { unsigned: true, .. })
    }

    /// Digits after the point of its values, as MariaDB reports them.
    pub fn decimals(self) -> u8 {
        match self {
            DataType::Null | DataType::Integer { .. } | DataType::Date => 0,
            DataType::Decimal { scale, .. } => scale,
            DataType::Float | DataType::Double => super::NOT_FIXED_DECIMALS,
            DataType::Char(_) | DataType::VarChar(_) | DataType::Text(_) => super::TEXT_DECIMALS,
            DataType::Binary(_) | DataType::VarBinary(_) | DataType::Blob(_) => super::TEXT_DECIMALS,
            DataType::Time(fsp) | DataType::DateTime(fsp) | DataType::Timestamp(fsp) => fsp,
        }
    }

    /// What a column without a default stores where NULL is not allowed: 0, the empty text, the first day.
    pub fn implicit_default(self) -> Value {
        match self.class() {
            _ if self == DataType::Null => Value::Null,
            Class::Integer if self.is_unsigned() => Value::UInt(0),
            Class::Integer => Value::Int(0),
            Class::Decimal => Value::decimal(decimal::zero(i64::from(self.decimals()))),
            Class::Double => Value::Double(0.0),
            Class::String => match self {
                DataType::Binary(length) => {
                    Value::Bytes(vec![0; usize::try_from(length).unwrap_or(0)].into())
                }
                _ if self.is_binary() => Value::Bytes(Box::default()),
                _ => Value::text(""),
            },
            Class::Temporal => match self {
                DataType::Date => Value::Date(temporal::FIRST_DAY),
                DataType::Time(_) => Value::Time(TimeDelta::zero()),
                _ => Value::DateTime(temporal::midnight(temporal::FIRST_DAY)),
            },
        }
    }

    /// Digits of a DECIMAL that holds every value; texts and floating point numbers may be cut.
    pub fn precision(self) -> u8 {
        match self {
            DataType::Null => 1,
            DataType::Integer { width, unsigned } => match (width, unsigned) {
                (IntWidth::Tiny, _) => 3,
                (IntWidth::Small, _) => 5,
                (IntWidth::Medium, true) => 8,
                (IntWidth::Medium, false) => 7,
                (IntWidth::Int, _) => 10,
                (IntWidth::Big, true) => 20,
                (IntWidth::Big, false) => 19,
            },
            DataType::Decimal { precision, .. } => precision,
            DataType::Date => 8,
            DataType::Time(fsp) => 7 + fsp,
            DataType::DateTime(fsp) | DataType::Timestamp(fsp) => 14 + fsp,
            _ => super::MAX_DECIMAL_PRECISION,
        }
    }

    /// Characters (bytes, if binary) of its longest value.
    pub fn display_length(self) -> u32 {
        let fraction = |fsp: u8| if fsp == 0 { 0 } else { u32::from(fsp) + 1 };
        match self {
            DataType::Null => 0,
            DataType::Integer { width, unsigned } => width.display_length(unsigned),
            DataType::Decimal { precision, scale } => {
                // Sign, point, and the 0 before the point of DECIMAL(2,2).
                u32::from(precision) + 1 + u32::from(scale > 0) + u32::from(precision == scale)
            }
            DataType::Float => 12,
            DataType::Double => 22,
            DataType::Char(n) | DataType::VarChar(n) | DataType::Binary(n) | DataType::VarBinary(n) => n,
            DataType::Text(width) => width.max_bytes() / super::MAX_CHAR_BYTES,
            DataType::Blob(width) => width.max_bytes(),
            DataType::Date => 10,
            DataType::Time(fsp) => 10 + fraction(fsp),
            DataType::DateTime(fsp) | DataType::Timestamp(fsp) => 19 + fraction(fsp),
        }
    }
}

/// As SHOW COLUMNS and SHOW CREATE TABLE write it.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = |f: &mut fmt::Formatter<'_>, name: &str, fsp: u8| match fsp {
            0 => f.write_str(name),
            _ => write!(f, "{name}({fsp})"),
        };
        match *self {
            DataType::Null => f.write_str("null"),
            DataType::Integer { width, unsigned } => {
                let name = match width {
                    IntWidth::Tiny => "tinyint",
                    IntWidth::Small => "smallint",
                    IntWidth::Medium => "mediumint",
                    IntWidth::Int => "int",
                    IntWidth::Big => "bigint",
                };
                let sign = if unsigned { " unsigned" } else { "" };
                write!(f, "{name}({}){sign}", width.display_length(unsigned))
            }
            DataType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            DataType::Float => f.write_str("float"),
            DataType::Double => f.write_str("double"),
            DataType::Char(n) => write!(f, "char({n})"),
            DataType::VarChar(n) => write!(f, "varchar({n})"),
            DataType::Text(width) => write!(f, "{}text", width.prefix()),
            DataType::Binary(n) => write!(f, "binary({n})"),
            DataType::VarBinary(n) => write!(f, "varbinary({n})"),
            DataType::Blob(width) => write!(f, "{}blob", width.prefix()),
            DataType::Date => f.write_str("date"),
            DataType::Time(fsp) => fraction(f, "time", fsp),
            DataType::DateTime(fsp) => fraction(f, "datetime", fsp),
            DataType::Timestamp(fsp) => fraction(f, "timestamp", fsp),
        }
    }
}
