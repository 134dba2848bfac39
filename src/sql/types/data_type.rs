//! The type of a column or of an expression's result.

/// Width of an integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
