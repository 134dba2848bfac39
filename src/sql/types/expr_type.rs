//! The type of an expression.

use super::{DataType, IntWidth, TextWidth};

/// The number of decimals of a DOUBLE that is printed in its shortest form.
pub const NOT_FIXED_DECIMALS: u8 = 31;
/// What MariaDB reports as the decimals of texts.
pub const TEXT_DECIMALS: u8 = 39;
/// Most digits of a DECIMAL.
pub const MAX_DECIMAL_PRECISION: u8 = 65;
/// Most digits after the point of a DECIMAL.
pub const MAX_DECIMAL_SCALE: u8 = 38;
/// Bytes that a character of utf8mb4 takes at most.
pub const MAX_CHAR_BYTES: u32 = 4;

/// What is known of an expression before it is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExprType {
    /// The type of its values.
    pub data_type: DataType,
    /// Whether it can be NULL.
    pub nullable: bool,
    /// Most characters (bytes, if binary) of its text form.
    pub length: u32,
    /// Digits after the point: the scale of a DECIMAL, the fraction of a TIME or DATETIME. A DOUBLE prints with
    /// this many unless it is [`NOT_FIXED_DECIMALS`].
    pub decimals: u8,
    /// Digits of a DECIMAL that holds every value.
    pub precision: u8,
    /// A literal like `0x41`: bytes that count as an unsigned number where a number is asked for.
    pub hex_literal: bool,
}

impl ExprType {
    /// The type of values of this data type, such as a column's; not NULL.
    pub fn new(data_type: DataType) -> Self {
        Self {
            data_type,
            nullable: matches!(data_type, DataType::Null),
            length: data_type.display_length(),
            decimals: data_type.decimals(),
            precision: data_type.precision(),
            hex_literal: false,
        }
    }

    /// An integer of at most `length` characters: INT where that always fits, else BIGINT.
    pub fn integer(length: u32, unsigned: bool) -> Self {
        /// Shortest text that may not fit INT.
        const BIG_LENGTH: u32 = 10;
        let width = if length >= BIG_LENGTH { IntWidth::Big } else { IntWidth::Int };
        Self::sized_integer(width, length, unsigned)
    }

    fn sized_integer(width: IntWidth, length: u32, unsigned: bool) -> Self {
        let digits = length.saturating_sub(u32::from(!unsigned)).max(1);
        Self {
            length,
            precision: u8::try_from(digits)
                .map_or(MAX_DECIMAL_PRECISION, |digits| digits.min(MAX_DECIMAL_PRECISION)),
            ..Self::new(DataType::Integer { width, unsigned })
        }
    }

    /// An INT of at most `length` characters.
    pub fn int(length: u32) -> Self {
        Self::sized_integer(IntWidth::Int, length, false)
    }

    /// An INT UNSIGNED of at most `length` characters.
    pub fn unsigned_int(length: u32) -> Self {
        Self::sized_integer(IntWidth::Int, length, true)
    }

    /// A BIGINT of at most `length` characters.
    pub fn bigint(length: u32, unsigned: bool) -> Self {
        Self::sized_integer(IntWidth::Big, length, unsigned)
    }

    /// What a comparison or a logical operator yields.
    pub fn boolean() -> Self {
        Self::int(1)
    }

    /// DECIMAL of this precision and scale, both cut to what a DECIMAL can have.
    pub fn decimal(precision: u32, scale: u8) -> Self {
        let scale = scale.min(MAX_DECIMAL_SCALE);
        let precision = u8::try_from(precision).unwrap_or(u8::MAX).clamp(scale.max(1), MAX_DECIMAL_PRECISION);
        Self::new(DataType::Decimal { precision, scale })
    }

    /// DOUBLE in its shortest form.
    pub fn double() -> Self {
        Self::new(DataType::Double)
    }

    /// DOUBLE that always prints with `decimals` digits after the point.
    pub fn fixed_double(decimals: u8) -> Self {
        /// Characters of the longest number before the point.
        const DIGITS: u32 = 17;
        let length = if decimals >= NOT_FIXED_DECIMALS { 23 } else { DIGITS + u32::from(decimals) };
        Self { length, decimals: decimals.min(NOT_FIXED_DECIMALS), ..Self::double() }
    }

    /// Text of at most `length` characters.
    pub fn text(length: u32) -> Self {
        let bytes = length.saturating_mul(MAX_CHAR_BYTES);
        let data_type = match text_width(bytes) {
            None => DataType::VarChar(length),
            Some(width) => DataType::Text(width),
        };
        Self { length: length.min(u32::MAX / MAX_CHAR_BYTES), ..Self::new(data_type) }
    }

    /// At most `length` bytes.
    pub fn bytes(length: u32) -> Self {
        let data_type = match text_width(length) {
            None => DataType::VarBinary(length),
            Some(width) => DataType::Blob(width),
        };
        Self { length, ..Self::new(data_type) }
    }

    /// Text, or bytes if `binary`.
    pub fn string(length: u32, binary: bool) -> Self {
        if binary { Self::bytes(length) } else { Self::text(length) }
    }

    /// The same, NULL or not.
    #[must_use]
    pub fn nullable(self, nullable: bool) -> Self {
        Self { nullable, ..self }
    }

    /// Digits after the point of a DECIMAL that holds every value of this type.
    pub fn decimal_scale(&self) -> u8 {
        self.decimals.min(MAX_DECIMAL_SCALE)
    }

    /// Digits before the point of a DECIMAL that holds every value of this type.
    pub fn integer_digits(&self) -> u32 {
        u32::from(self.precision.saturating_sub(self.decimal_scale()))
    }
}

/// The type of a column of this data type that is not NULL.
impl From<DataType> for ExprType {
    fn from(data_type: DataType) -> Self {
        Self::new(data_type)
    }
}

/// The TEXT type that a string of so many bytes needs; None if VARCHAR will do.
fn text_width(bytes: u32) -> Option<TextWidth> {
    match bytes {
        0..=65_535 => None,
        65_536..=16_777_215 => Some(TextWidth::Medium),
        _ => Some(TextWidth::Long),
    }
}
