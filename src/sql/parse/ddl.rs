//! The definitions of tables, as `migrations/` write them: CREATE TABLE, CREATE INDEX and ALTER TABLE ADD COLUMN in
//! MariaDB's words, so that it can load the same files.
//!
//! What MariaDB does not know stands in a comment of the statement, which it skips:
//! `/*cometql: id=1, insert=replace, insert_id=id, read_only, admin_only */`. `commands=a b` makes UPDATE and DELETE commands,
//! and names the columns that UPDATE can set. A later ALTER TABLE can have `read_only` or `commands` instead of what was said
//! before; one with nothing else to do says `LOCK=NONE`.

use std::fmt::Display;

use sqlparser::{
    ast::{
        AlterTableOperation, ColumnDef, ColumnOption, CreateIndex, CreateTable, DataType as Parsed,
        ExactNumberInfo, Expr, IndexColumn, ObjectName, OrderByOptions, SqlOption, Statement,
        TableConstraint, UnaryOperator, Value as Literal,
    },
    dialect::MySqlDialect,
    parser::Parser,
};

use super::split_statements;
use crate::{
    error::{Error, Result},
    sql::types::{
        ColumnDefault, ColumnSchema, DataType, IndexSchema, InsertMode, IntWidth, TableSchema, TextWidth,
        Value, Writes,
    },
};

const EXTENSION: &str = "/*cometql:";
const COLLATION: &str = "utf8mb4_bin";

/// What a statement changed, where rows that exist have to follow.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new table.
    Table,
    /// An index of this number on the table of this name.
    Index {
        /// The table's name.
        table: String,
        /// Number of the index.
        index: u8,
    },
    /// Further columns at the end of a table, or another option.
    Columns,
}

/// Applies the statements of a migration to the tables that were defined before.
///
/// # Errors
/// Says which statement is wrong and what it may not have.
pub fn apply(migration: &str, tables: &mut Vec<TableSchema>) -> Result<Vec<Change>> {
    split_statements(migration)
        .map(|text| {
            apply_statement(text, tables).map_err(|error| Error::Syntax(format!("{error} in: {text}")))
        })
        .collect()
}

fn apply_statement(text: &str, tables: &mut Vec<TableSchema>) -> Result<Change> {
    let mut statements =
        Parser::parse_sql(&MySqlDialect {}, text).map_err(|error| Error::Syntax(error.to_string()))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::CreateTable(create)), true) => {
            let table = create_table(&create, text)?;
            if tables.iter().any(|other| other.name == table.name || other.id == table.id) {
                return Err(unsupported(format!("a second table '{}' or id {}", table.name, table.id)));
            }
            tables.push(table);
            Ok(Change::Table)
        }
        (Some(Statement::CreateIndex(create)), true) => {
            let table = find(&create.table_name, tables)?;
            let index = create_index(&create, table)?;
            let id = index.id;
            table.indexes.push(index);
            Ok(Change::Index { table: table.name.clone(), index: id })
        }
        (Some(Statement::AlterTable(alter)), true) => {
            let table = find(&alter.name, tables)?;
            for operation in &alter.operations {
                match operation {
                    AlterTableOperation::AddColumn { column_def, column_position: None, .. } => {
                        let column = add_column(column_def)?;
                        table.columns.push(column);
                    }
                    // An option needs an operation beside it; this one changes nothing.
                    AlterTableOperation::Lock { .. } => {}
                    other => return Err(unsupported(other)),
                }
            }
            Extension::of(text)?.alter(table)?;
            table.version += 1;
            Ok(Change::Columns)
        }
        _ => Err(unsupported("anything but CREATE TABLE, CREATE INDEX and ALTER TABLE")),
    }
}

fn create_table(create: &CreateTable, text: &str) -> Result<TableSchema> {
    check_collation(create)?;
    let extension = Extension::of(text)?;
    let columns: Vec<ColumnSchema> = create.columns.iter().map(column).collect::<Result<_>>()?;
    let mut table = TableSchema {
        id: extension.id.ok_or_else(|| Error::Syntax("no id in a cometql comment".into()))?,
        version: 0,
        name: name_of(&create.name)?,
        columns,
        primary_key: Vec::new(),
        indexes: Vec::new(),
        insert_mode: extension.insert_mode,
        insert_id: None,
        writes: Writes::Stored,
        admin_only: extension.admin_only,
    };
    for constraint in &create.constraints {
        match constraint {
            TableConstraint::PrimaryKey(key) => table.primary_key = positions(&key.columns, &table)?,
            other => return Err(unsupported(other)),
        }
    }
    if table.primary_key.is_empty() {
        return Err(Error::Syntax("no PRIMARY KEY".into()));
    }
    if let Some(insert_id) = extension.insert_id {
        let column = table.column(insert_id);
        table.insert_id = Some(column.ok_or_else(|| unknown_column(insert_id))?);
    }
    extension.set_writes(&mut table)?;
    Ok(table)
}

fn create_index(create: &CreateIndex, table: &TableSchema) -> Result<IndexSchema> {
    let name = create.name.as_ref().ok_or_else(|| Error::Syntax("an index without a name".into()))?;
    let last = table.indexes.last().map_or(0, |index| index.id);
    Ok(IndexSchema {
        id: last.checked_add(1).ok_or_else(|| unsupported("more than 255 indexes"))?,
        name: name_of(name)?,
        columns: positions(&create.columns, table)?,
        unique: create.unique,
    })
}

/// Rows that exist get the default of a new column, so that it must be the same at any time.
fn add_column(definition: &ColumnDef) -> Result<ColumnSchema> {
    let column = column(definition)?;
    match column.default {
        ColumnDefault::Value(_) => Ok(column),
        ColumnDefault::None | ColumnDefault::CurrentTimestamp => {
            Err(unsupported(format!("ADD COLUMN {} without a fixed DEFAULT", column.name)))
        }
    }
}

fn column(definition: &ColumnDef) -> Result<ColumnSchema> {
    let data_type = data_type(&definition.data_type)?;
    let mut column = ColumnSchema {
        name: definition.name.value.clone(),
        data_type,
        nullable: true,
        default: ColumnDefault::None,
        invisible: false,
    };
    for option in &definition.options {
        match &option.option {
            ColumnOption::Null => column.nullable = true,
            ColumnOption::NotNull => column.nullable = false,
            ColumnOption::Invisible => column.invisible = true,
            ColumnOption::Default(expr) => column.default = default(expr, data_type)?,
            other => return Err(unsupported(other)),
        }
    }
    if column.nullable && column.default == ColumnDefault::None {
        column.default = ColumnDefault::Value(Value::Null);
    }
    Ok(column)
}

fn default(expr: &Expr, data_type: DataType) -> Result<ColumnDefault> {
    let value = match expr {
        Expr::Function(function) if is_current_timestamp(&function.name) => {
            return Ok(ColumnDefault::CurrentTimestamp);
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match default(expr, data_type)? {
            ColumnDefault::Value(Value::Int(number)) => Value::Int(-number),
            _ => return Err(unsupported(expr)),
        },
        Expr::Value(literal) => match (&literal.value, data_type) {
            (Literal::Null, _) => Value::Null,
            (Literal::Number(digits, _), DataType::Integer { unsigned, .. }) => {
                let parsed =
                    if unsigned { digits.parse().map(Value::UInt) } else { digits.parse().map(Value::Int) };
                parsed.map_err(|_| unsupported(expr))?
            }
            (
                Literal::SingleQuotedString(text),
                DataType::Char(_) | DataType::VarChar(_) | DataType::Text(_),
            ) => Value::text(text),
            _ => return Err(unsupported(expr)),
        },
        _ => return Err(unsupported(expr)),
    };
    Ok(ColumnDefault::Value(value))
}

fn data_type(parsed: &Parsed) -> Result<DataType> {
    let integer = |width, unsigned| DataType::Integer { width, unsigned };
    Ok(match parsed {
        Parsed::TinyInt(_) => integer(IntWidth::Tiny, false),
        Parsed::TinyIntUnsigned(_) => integer(IntWidth::Tiny, true),
        Parsed::SmallInt(_) => integer(IntWidth::Small, false),
        Parsed::SmallIntUnsigned(_) => integer(IntWidth::Small, true),
        Parsed::MediumInt(_) => integer(IntWidth::Medium, false),
        Parsed::MediumIntUnsigned(_) => integer(IntWidth::Medium, true),
        Parsed::Int(_) | Parsed::Integer(_) => integer(IntWidth::Int, false),
        Parsed::IntUnsigned(_) | Parsed::IntegerUnsigned(_) => integer(IntWidth::Int, true),
        Parsed::BigInt(_) => integer(IntWidth::Big, false),
        Parsed::BigIntUnsigned(_) => integer(IntWidth::Big, true),
        Parsed::Decimal(ExactNumberInfo::PrecisionAndScale(precision, scale)) => {
            DataType::Decimal { precision: fits(*precision, parsed)?, scale: fits(*scale, parsed)? }
        }
        Parsed::Float(ExactNumberInfo::None) => DataType::Float,
        Parsed::Double(ExactNumberInfo::None) => DataType::Double,
        Parsed::Char(Some(length)) => DataType::Char(characters(length, parsed)?),
        Parsed::Varchar(Some(length)) => DataType::VarChar(characters(length, parsed)?),
        Parsed::Text => DataType::Text(TextWidth::Normal),
        Parsed::Blob(None) => DataType::Blob(TextWidth::Normal),
        Parsed::Date => DataType::Date,
        Parsed::Datetime(digits) => DataType::DateTime(fits(digits.unwrap_or(0), parsed)?),
        other => return Err(unsupported(other)),
    })
}

fn characters(length: &sqlparser::ast::CharacterLength, parsed: &Parsed) -> Result<u32> {
    match length {
        sqlparser::ast::CharacterLength::IntegerLength { length, unit: None } => fits(*length, parsed),
        _ => Err(unsupported(parsed)),
    }
}

fn fits<T: TryFrom<U>, U>(number: U, parsed: &Parsed) -> Result<T> {
    T::try_from(number).map_err(|_| unsupported(parsed))
}

/// Keys keep the order of this collation only.
fn check_collation(create: &CreateTable) -> Result<()> {
    let sqlparser::ast::CreateTableOptions::Plain(options) = &create.table_options else {
        return Err(Error::Syntax(format!("no COLLATE {COLLATION}")));
    };
    let collation = options.iter().find_map(|option| match option {
        SqlOption::KeyValue { key, value } if key.value.to_ascii_uppercase().ends_with("COLLATE") => {
            Some(value.to_string())
        }
        _ => None,
    });
    match collation.as_deref() {
        Some(COLLATION) => Ok(()),
        other => Err(unsupported(format!("COLLATE {}", other.unwrap_or("by default")))),
    }
}

/// What the cometql comment of a statement says.
#[derive(Default, PartialEq)]
struct Extension<'a> {
    id: Option<u16>,
    insert_mode: InsertMode,
    insert_id: Option<&'a str>,
    read_only: bool,
    /// Names of the columns that UPDATE can set.
    commands: Option<Vec<&'a str>>,
    admin_only: bool,
}

impl<'a> Extension<'a> {
    fn of(text: &'a str) -> Result<Self> {
        let mut extension = Extension::default();
        let Some((_, rest)) = text.split_once(EXTENSION) else { return Ok(extension) };
        let (settings, _) = rest.split_once("*/").unwrap_or((rest, ""));
        for setting in settings.split(',').map(str::trim) {
            match setting.split_once('=').unwrap_or((setting, "")) {
                ("id", id) => extension.id = Some(id.parse().map_err(|_| unsupported(setting))?),
                ("insert", "replace") => extension.insert_mode = InsertMode::Replace,
                ("insert_id", column) => extension.insert_id = Some(column),
                ("read_only", "") => extension.read_only = true,
                ("commands", columns) => extension.commands = Some(columns.split_whitespace().collect()),
                ("admin_only", "") => extension.admin_only = true,
                _ => return Err(unsupported(setting)),
            }
        }
        Ok(extension)
    }

    /// Says what becomes of writes to a table, if the comment does.
    fn set_writes(&self, table: &mut TableSchema) -> Result<()> {
        if self.read_only {
            table.writes = Writes::Refused;
        }
        if let Some(names) = &self.commands {
            let position = |name: &&str| table.column(name).ok_or_else(|| unknown_column(name));
            table.writes = Writes::Commands { columns: names.iter().map(position).collect::<Result<_>>()? };
        }
        Ok(())
    }

    /// Changes a table that exists.
    fn alter(&self, table: &mut TableSchema) -> Result<()> {
        let fixed =
            Extension { read_only: self.read_only, commands: self.commands.clone(), ..Extension::default() };
        if *self != fixed {
            return Err(unsupported("another option than read_only and commands in ALTER TABLE"));
        }
        self.set_writes(table)
    }
}

fn find<'a>(name: &ObjectName, tables: &'a mut [TableSchema]) -> Result<&'a mut TableSchema> {
    let name = name_of(name)?;
    tables
        .iter_mut()
        .find(|table| table.name == name)
        .ok_or_else(|| Error::Syntax(format!("no table '{name}' before")))
}

fn positions(columns: &[IndexColumn], table: &TableSchema) -> Result<Vec<usize>> {
    columns
        .iter()
        .map(|column| match &column.column.expr {
            Expr::Identifier(name) if column.column.options == OrderByOptions::default() => {
                table.column(&name.value).ok_or_else(|| unknown_column(&name.value))
            }
            other => Err(unsupported(other)),
        })
        .collect()
}

fn name_of(name: &ObjectName) -> Result<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|name| name.value.clone()).ok_or_else(|| unsupported(name)),
        _ => Err(unsupported(name)),
    }
}

fn is_current_timestamp(name: &ObjectName) -> bool {
    name.to_string().eq_ignore_ascii_case("CURRENT_TIMESTAMP")
}

fn unknown_column(name: &str) -> Error {
    Error::Syntax(format!("no column '{name}'"))
}

fn unsupported(what: impl Display) -> Error {
    Error::Unsupported(what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE t (
        a VARCHAR(64) NOT NULL,
        b INT UNSIGNED NOT NULL DEFAULT 7,
        `index` INT NOT NULL DEFAULT -1,
        c TEXT,
        d VARCHAR(9) NOT NULL DEFAULT '' INVISIBLE,
        PRIMARY KEY (a, b)
    ) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin /*cometql: id=3, insert=replace, insert_id=b, read_only */;";

    fn tables(text: &str) -> Result<Vec<TableSchema>> {
        let mut tables = Vec::new();
        apply(text, &mut tables).map(|_| tables)
    }

    #[test]
    fn a_table_is_read_with_its_extensions() {
        let table = &tables(TABLE).unwrap()[0];
        assert_eq!((table.id, table.name.as_str(), table.version), (3, "t", 0));
        assert_eq!((table.insert_mode, table.insert_id), (InsertMode::Replace, Some(1)));
        assert_eq!((&table.writes, table.admin_only), (&Writes::Refused, false));
        assert_eq!(table.primary_key, [0, 1]);
        let column = |position: usize| &table.columns[position];
        assert_eq!(column(0).default, ColumnDefault::None);
        assert_eq!(column(1).default, ColumnDefault::Value(Value::UInt(7)));
        assert_eq!(column(2).default, ColumnDefault::Value(Value::Int(-1)));
        assert_eq!((&column(3).default, column(3).nullable), (&ColumnDefault::Value(Value::Null), true));
        assert!(column(4).invisible && !column(3).invisible);
    }

    #[test]
    fn later_statements_change_earlier_tables() {
        let text = format!(
            "{TABLE} CREATE INDEX by_b ON t (b); CREATE UNIQUE INDEX by_c ON t (c, b);
             ALTER TABLE t ADD COLUMN e INT NOT NULL DEFAULT 5, ADD COLUMN f TEXT;"
        );
        let mut tables = Vec::new();
        let changes = apply(&text, &mut tables).unwrap();
        assert_eq!(changes[2], Change::Index { table: "t".into(), index: 2 });
        let table = &tables[0];
        assert_eq!((table.indexes[0].id, &table.indexes[0].columns[..]), (1, &[1][..]));
        assert_eq!((table.indexes[1].unique, &table.indexes[1].columns[..]), (true, &[3, 1][..]));
        assert_eq!((table.version, table.columns.len()), (1, 7));
    }

    #[test]
    fn writes_can_become_commands_later() {
        let text =
            format!("{TABLE} ALTER TABLE t LOCK=NONE /*cometql: commands=c `index` */;").replace('`', "");
        let text = text.replace("index INT", "`index` INT");
        let table = &tables(&text).unwrap()[0];
        assert_eq!(table.writes, Writes::Commands { columns: vec![3, 2] });
        assert_eq!((table.version, table.insert_mode), (1, InsertMode::Replace));
    }

    #[test]
    fn what_cannot_be_kept_is_refused_by_name() {
        let refused = |text: &str, word: &str| {
            let error = tables(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused("DROP TABLE t", "CREATE TABLE");
        refused(&TABLE.replace("id=3", "id=x"), "id=x");
        refused(&TABLE.replace("id=3", "colour=red"), "colour=red");
        refused(&TABLE.replace("utf8mb4_bin", "utf8mb4_general_ci"), "utf8mb4_general_ci");
        refused(&TABLE.replace("PRIMARY KEY (a, b)", "PRIMARY KEY (a, z)"), "'z'");
        refused(&format!("{TABLE} ALTER TABLE t ADD COLUMN e INT NOT NULL"), "fixed DEFAULT");
        refused(&format!("{TABLE} ALTER TABLE t DROP COLUMN c"), "DROP COLUMN");
        refused(&format!("{TABLE} CREATE INDEX i ON other (a)"), "'other'");
        refused(&format!("{TABLE} ALTER TABLE t LOCK=NONE /*cometql: commands=z */"), "'z'");
        refused(&format!("{TABLE} ALTER TABLE t LOCK=NONE /*cometql: id=4 */"), "another option");
    }
}
