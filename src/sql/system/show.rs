//! SHOW: a table for each form, most of them some columns of information_schema under other headings, as in MariaDB.

use std::borrow::Cow;

use super::{
    View,
    character_sets::{self, Collation},
    describe,
    information_schema::{self, DATABASE_PRIVILEGES, INFORMATION_SCHEMA, names_collation},
    status,
    virtual_table::{Column, VirtualTable, bigint, text},
};
use crate::{
    error::{Error, Result},
    sql::{
        functions::matches_like,
        parse::ast::{MachineStatus, Show, ShowKind, TableName},
        plan::environment::is_own_database,
        session::DATABASE,
        types::{ExprType, ResultColumn, Row, TableSchema, Value},
    },
};

/// What a SHOW answers, before its WHERE.
pub(in crate::sql) struct Listing {
    /// The headings.
    pub(in crate::sql) columns: Vec<ResultColumn>,
    /// The rows that LIKE leaves.
    pub(in crate::sql) rows: Vec<Row>,
}

/// Columns of information_schema, by the headings they get: `(heading, column)`.
type Projection = [(&'static str, &'static str)];

const CHARACTER_SET: &Projection = &[
    ("Charset", "CHARACTER_SET_NAME"),
    ("Description", "DESCRIPTION"),
    ("Default collation", "DEFAULT_COLLATE_NAME"),
    ("Maxlen", "MAXLEN"),
];
const COLLATION: &Projection = &[
    ("Collation", "COLLATION_NAME"),
    ("Charset", "CHARACTER_SET_NAME"),
    ("Id", "ID"),
    ("Default", "IS_DEFAULT"),
    ("Compiled", "IS_COMPILED"),
    ("Sortlen", "SORTLEN"),
];
const COLUMNS: &Projection = &[
    ("Field", "COLUMN_NAME"),
    ("Type", "COLUMN_TYPE"),
    ("Null", "IS_NULLABLE"),
    ("Key", "COLUMN_KEY"),
    ("Default", "COLUMN_DEFAULT"),
    ("Extra", "EXTRA"),
];
const FULL_COLUMNS: &Projection = &[
    ("Field", "COLUMN_NAME"),
    ("Type", "COLUMN_TYPE"),
    ("Collation", "COLLATION_NAME"),
    ("Null", "IS_NULLABLE"),
    ("Key", "COLUMN_KEY"),
    ("Default", "COLUMN_DEFAULT"),
    ("Extra", "EXTRA"),
    ("Privileges", "PRIVILEGES"),
    ("Comment", "COLUMN_COMMENT"),
];
const ENGINES: &Projection = &[
    ("Engine", "ENGINE"),
    ("Support", "SUPPORT"),
    ("Comment", "COMMENT"),
    ("Transactions", "TRANSACTIONS"),
    ("XA", "XA"),
    ("Savepoints", "SAVEPOINTS"),
];
const EVENTS: &Projection = &[
    ("Db", "EVENT_SCHEMA"),
    ("Name", "EVENT_NAME"),
    ("Definer", "DEFINER"),
    ("Time zone", "TIME_ZONE"),
    ("Type", "EVENT_TYPE"),
    ("Execute at", "EXECUTE_AT"),
    ("Interval value", "INTERVAL_VALUE"),
    ("Interval field", "INTERVAL_FIELD"),
    ("Starts", "STARTS"),
    ("Ends", "ENDS"),
    ("Status", "STATUS"),
    ("Originator", "ORIGINATOR"),
    ("character_set_client", "CHARACTER_SET_CLIENT"),
    ("collation_connection", "COLLATION_CONNECTION"),
    ("Database Collation", "DATABASE_COLLATION"),
];
const INDEX: &Projection = &[
    ("Table", "TABLE_NAME"),
    ("Non_unique", "NON_UNIQUE"),
    ("Key_name", "INDEX_NAME"),
    ("Seq_in_index", "SEQ_IN_INDEX"),
    ("Column_name", "COLUMN_NAME"),
    ("Collation", "COLLATION"),
    ("Cardinality", "CARDINALITY"),
    ("Sub_part", "SUB_PART"),
    ("Packed", "PACKED"),
    ("Null", "NULLABLE"),
    ("Index_type", "INDEX_TYPE"),
    ("Comment", "COMMENT"),
    ("Index_comment", "INDEX_COMMENT"),
    ("Ignored", "IGNORED"),
];
const PLUGINS: &Projection = &[
    ("Name", "PLUGIN_NAME"),
    ("Status", "PLUGIN_STATUS"),
    ("Type", "PLUGIN_TYPE"),
    ("Library", "PLUGIN_LIBRARY"),
    ("License", "PLUGIN_LICENSE"),
];
const PROCESS_LIST: &Projection = &[
    ("Id", "ID"),
    ("User", "USER"),
    ("Host", "HOST"),
    ("db", "DB"),
    ("Command", "COMMAND"),
    ("Time", "TIME"),
    ("State", "STATE"),
    ("Info", "INFO"),
];
const ROUTINES: &Projection = &[
    ("Db", "ROUTINE_SCHEMA"),
    ("Name", "ROUTINE_NAME"),
    ("Type", "ROUTINE_TYPE"),
    ("Definer", "DEFINER"),
    ("Modified", "LAST_ALTERED"),
    ("Created", "CREATED"),
    ("Security_type", "SECURITY_TYPE"),
    ("Comment", "ROUTINE_COMMENT"),
    ("character_set_client", "CHARACTER_SET_CLIENT"),
    ("collation_connection", "COLLATION_CONNECTION"),
    ("Database Collation", "DATABASE_COLLATION"),
];
const SCHEMATA: &Projection = &[("Database", "SCHEMA_NAME")];
const TABLES: &Projection = &[("Tables", "TABLE_NAME")];
const FULL_TABLES: &Projection = &[("Tables", "TABLE_NAME"), ("Table_type", "TABLE_TYPE")];
const TABLE_STATUS: &Projection = &[
    ("Name", "TABLE_NAME"),
    ("Engine", "ENGINE"),
    ("Version", "VERSION"),
    ("Row_format", "ROW_FORMAT"),
    ("Rows", "TABLE_ROWS"),
    ("Avg_row_length", "AVG_ROW_LENGTH"),
    ("Data_length", "DATA_LENGTH"),
    ("Max_data_length", "MAX_DATA_LENGTH"),
    ("Index_length", "INDEX_LENGTH"),
    ("Data_free", "DATA_FREE"),
    ("Auto_increment", "AUTO_INCREMENT"),
    ("Create_time", "CREATE_TIME"),
    ("Update_time", "UPDATE_TIME"),
    ("Check_time", "CHECK_TIME"),
    ("Collation", "TABLE_COLLATION"),
    ("Checksum", "CHECKSUM"),
    ("Create_options", "CREATE_OPTIONS"),
    ("Comment", "TABLE_COMMENT"),
    ("Max_index_length", "MAX_INDEX_LENGTH"),
    ("Temporary", "TEMPORARY"),
];
const TRIGGERS: &Projection = &[
    ("Trigger", "TRIGGER_NAME"),
    ("Event", "EVENT_MANIPULATION"),
    ("Table", "EVENT_OBJECT_TABLE"),
    ("Statement", "ACTION_STATEMENT"),
    ("Timing", "ACTION_TIMING"),
    ("Created", "CREATED"),
    ("sql_mode", "SQL_MODE"),
    ("Definer", "DEFINER"),
    ("character_set_client", "CHARACTER_SET_CLIENT"),
    ("collation_connection", "COLLATION_CONNECTION"),
    ("Database Collation", "DATABASE_COLLATION"),
];
const VARIABLES: &Projection = &[("Variable_name", "VARIABLE_NAME"), ("Value", "VARIABLE_VALUE")];

/// Characters of a statement that SHOW PROCESSLIST without FULL shows.
const SHORT_INFO: u8 = 100;

/// A database that a SHOW is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Database {
    /// The tenant's tables.
    Own,
    /// information_schema.
    System,
}

/// Answers a SHOW for the current `database`, except SHOW WARNINGS and SHOW ERRORS, which only the session can. Errors
/// 1049 and 1146.
pub(in crate::sql) fn show(view: &View, database: Option<&str>, show: &Show) -> Result<Listing> {
    let mut listing = answer(view, database, &show.what)?;
    if let Some(pattern) = &show.like {
        keep_like(&mut listing.rows, pattern, ignores_case(&show.what));
        if let (ShowKind::Databases | ShowKind::Tables { .. }, Some(names)) =
            (&show.what, listing.columns.first_mut())
        {
            names.name = format!("{} ({pattern})", names.name);
        }
    }
    Ok(listing)
}

fn answer(view: &View, database: Option<&str>, what: &ShowKind) -> Result<Listing> {
    Ok(match what {
        ShowKind::Databases => of_table(view, "SCHEMATA", SCHEMATA)?,
        ShowKind::Tables { database: named, full } => {
            let name = named.as_deref().or(database).unwrap_or(DATABASE);
            tables(view, name, *full)?
        }
        ShowKind::TableStatus { database: named } => {
            table_status(view, named.as_deref().or(database).unwrap_or(DATABASE))?
        }
        ShowKind::Columns { table, full } => columns(view, database, table, *full)?,
        ShowKind::Index { table } => {
            let rows = match find(view, database, table)? {
                (Database::Own, table) => information_schema::statistics_of(&table),
                (Database::System, _) => Vec::new(),
            };
            project("STATISTICS", INDEX, rows)?
        }
        ShowKind::CreateTable { table } => create_table(view, database, table)?,
        ShowKind::CreateDatabase { database } => create_database(view, database)?,
        ShowKind::Variables { scope } => {
            project("SESSION_VARIABLES", VARIABLES, information_schema::variables(view, *scope))?
        }
        ShowKind::Status { scope } => project("SESSION_STATUS", VARIABLES, status::list(view, *scope))?,
        ShowKind::Machine(what) => project("SESSION_STATUS", VARIABLES, machine(view, *what))?,
        ShowKind::ProcessList { full } => process_list(view, *full)?,
        ShowKind::Engines => of_table(view, "ENGINES", ENGINES)?,
        ShowKind::CharacterSet => of_table(view, "CHARACTER_SETS", CHARACTER_SET)?,
        ShowKind::Collation => of_table(view, "COLLATIONS", COLLATION)?,
        ShowKind::Plugins => of_table(view, "PLUGINS", PLUGINS)?,
        ShowKind::Triggers => of_table(view, "TRIGGERS", TRIGGERS)?,
        ShowKind::Events => of_table(view, "EVENTS", EVENTS)?,
        ShowKind::Routines => of_table(view, "ROUTINES", ROUTINES)?,
        ShowKind::Grants => grants(view),
        ShowKind::Privileges => privileges(),
        ShowKind::OpenTables => open_tables(),
        ShowKind::Warnings { .. } | ShowKind::Errors { .. } | ShowKind::Export => {
            return Err(Error::Internal("this SHOW is none of system's".to_owned()));
        }
    })
}

/// Whether LIKE ignores case: names of databases and tables have one.
fn ignores_case(what: &ShowKind) -> bool {
    !matches!(what, ShowKind::Databases | ShowKind::Tables { .. } | ShowKind::TableStatus { .. })
}

fn keep_like(rows: &mut Vec<Row>, pattern: &str, ignore_case: bool) {
    let fold = |text: &str| if ignore_case { text.to_lowercase() } else { text.to_owned() };
    let pattern = fold(pattern);
    rows.retain(|row| match row.first() {
        Some(Value::Text(name)) => matches_like(&fold(name), &pattern, Some('\\')),
        _ => false,
    });
}

/// All rows of a table of information_schema.
fn of_table(view: &View, name: &str, projection: &Projection) -> Result<Listing> {
    let rows = (table(name)?.rows)(view)?;
    project(name, projection, rows)
}

fn table(name: &str) -> Result<&'static VirtualTable> {
    information_schema::table(name).ok_or_else(|| Error::Internal(format!("information_schema.{name}")))
}

/// Some columns of rows of a table of information_schema.
fn project(name: &str, projection: &Projection, rows: Vec<Row>) -> Result<Listing> {
    let table = table(name)?;
    let position = |name: &str| table.columns.iter().position(|column| column.name == name);
    let positions: Vec<usize> = projection.iter().filter_map(|(_, column)| position(column)).collect();
    debug_assert_eq!(positions.len(), projection.len(), "every column of the projection is one of {name}");
    let columns = projection.iter().zip(&positions).map(|((heading, column), &at)| ResultColumn {
        org_name: (*column).to_owned(),
        table: name.to_owned(),
        org_table: name.to_owned(),
        schema: INFORMATION_SCHEMA.to_owned(),
        ..ResultColumn::expression(*heading, table.columns[at].expr_type())
    });
    let pick = |row: Row| positions.iter().map(|&at| row.get(at).cloned().unwrap_or(Value::Null)).collect();
    Ok(Listing { columns: columns.collect(), rows: rows.into_iter().map(pick).collect() })
}

/// A listing that is no part of information_schema.
fn listing(columns: &[Column], rows: Vec<Row>) -> Listing {
    let columns = columns.iter().map(|column| ResultColumn::expression(column.name, column.expr_type()));
    Listing { columns: columns.collect(), rows }
}

fn database_of(view: &View, name: &str) -> Result<Database> {
    if is_own_database(name, view.login.tenant) {
        Ok(Database::Own)
    } else if name.eq_ignore_ascii_case(INFORMATION_SCHEMA) {
        Ok(Database::System)
    } else {
        Err(Error::UnknownDatabase(name.to_owned()))
    }
}

/// The table that a name means.
fn find(
    view: &View,
    database: Option<&str>,
    name: &TableName,
) -> Result<(Database, Cow<'static, TableSchema>)> {
    let database = name.database.as_deref().or(database).unwrap_or(DATABASE);
    let kind = database_of(view, database)?;
    let schema = match kind {
        Database::Own => view.table(&name.name).map(|table| TableSchema::clone(&table)),
        Database::System => information_schema::table(&name.name).map(VirtualTable::schema),
    };
    schema
        .map(|schema| (kind, Cow::Owned(schema)))
        .ok_or_else(|| Error::UnknownTable { database: database.to_owned(), table: name.name.clone() })
}

fn tables(view: &View, database: &str, full: bool) -> Result<Listing> {
    let rows = match database_of(view, database)? {
        Database::Own => {
            // Without counting rows, which nobody asked for here.
            view.tables().iter().map(|table| information_schema::base_table(table, Value::Null)).collect()
        }
        Database::System => system_views(),
    };
    let mut listing = project("TABLES", if full { FULL_TABLES } else { TABLES }, rows)?;
    if let Some(first) = listing.columns.first_mut() {
        first.name = format!("Tables_in_{database}");
    }
    Ok(listing)
}

fn system_views() -> Vec<Row> {
    information_schema::all().iter().map(|table| information_schema::system_view(table.name)).collect()
}

fn table_status(view: &View, database: &str) -> Result<Listing> {
    let rows = match database_of(view, database)? {
        Database::Own => view
            .tables()
            .iter()
            .map(|table| Ok(information_schema::base_table(table, Value::UInt(view.count(table)?))))
            .collect::<Result<_>>()?,
        Database::System => system_views(),
    };
    project("TABLES", TABLE_STATUS, rows)
}

fn columns(view: &View, database: Option<&str>, name: &TableName, full: bool) -> Result<Listing> {
    let (kind, table) = find(view, database, name)?;
    let database = if kind == Database::Own { DATABASE } else { INFORMATION_SCHEMA };
    let rows = information_schema::columns_of(database, &table);
    let mut listing = project("COLUMNS", if full { FULL_COLUMNS } else { COLUMNS }, rows)?;
    // Other than information_schema, SHOW COLUMNS gives the default itself, not as SQL.
    let at = listing.columns.iter().position(|column| column.name == "Default");
    for (row, column) in listing.rows.iter_mut().zip(&table.columns) {
        if let Some(value) = at.and_then(|at| row.get_mut(at)) {
            *value = describe::plain_default(column).map_or(Value::Null, Value::text);
        }
    }
    Ok(listing)
}

fn create_table(view: &View, database: Option<&str>, name: &TableName) -> Result<Listing> {
    let (kind, table) = find(view, database, name)?;
    let collation = match kind {
        Database::Own => character_sets::utf8mb4_bin(),
        Database::System => names_collation(),
    };
    let statement = describe::create_table(&table, kind == Database::System, collation);
    Ok(listing(
        &[text("Table", 64), text("Create Table", 1024)],
        vec![vec![Value::text(&table.name), Value::text(statement)]],
    ))
}

fn create_database(view: &View, name: &str) -> Result<Listing> {
    let collation: &Collation = match database_of(view, name)? {
        Database::Own => character_sets::utf8mb4_bin(),
        Database::System => names_collation(),
    };
    let statement = format!(
        "CREATE DATABASE {} /*!40100 DEFAULT CHARACTER SET {} COLLATE {} */",
        describe::name(name),
        collation.character_set.name,
        collation.name,
    );
    Ok(listing(
        &[text("Database", 64), text("Create Database", 1024)],
        vec![vec![Value::text(name), Value::text(statement)]],
    ))
}

fn process_list(view: &View, full: bool) -> Result<Listing> {
    let mut listing = of_table(view, "PROCESSLIST", PROCESS_LIST)?;
    let info = listing.columns.len() - 1;
    if !full {
        listing.columns[info].expr_type = ExprType::text(SHORT_INFO.into()).nullable(true);
        for row in &mut listing.rows {
            if let Value::Text(statement) = &mut row[info]
                && let Some((end, _)) = statement.char_indices().nth(SHORT_INFO.into())
            {
                statement.truncate(end);
            }
        }
    }
    // No statement here tells how far it is.
    listing.columns.push(ResultColumn::expression("Progress", ExprType::fixed_double(3)));
    listing.rows.iter_mut().for_each(|row| row.push(Value::Double(0.0)));
    Ok(listing)
}

fn grants(view: &View) -> Listing {
    let grant = |privileges: &[&str], on: &str| {
        let statement = format!("GRANT {} ON {on} TO {}", privileges.join(", "), view.grantee('`'));
        vec![Value::text(statement)]
    };
    let rows = vec![
        grant(information_schema::server_privileges(view), "*.*"),
        grant(&DATABASE_PRIVILEGES, &format!("{}.*", describe::name(DATABASE))),
    ];
    let heading = format!("Grants for {}@%", view.login.user);
    Listing { columns: vec![ResultColumn::expression(heading, ExprType::text(1024))], rows }
}

fn privileges() -> Listing {
    let known = [
        ("Delete", "Tables", "To delete existing rows"),
        ("Insert", "Tables", "To insert data into tables"),
        ("Lock tables", "Databases", "To use LOCK TABLES (together with SELECT privilege)"),
        ("Process", "Server Admin", "To view the plain text of currently executing queries"),
        ("Select", "Tables", "To retrieve rows from table"),
        ("Super", "Server Admin", "To use KILL thread, SET GLOBAL, CHANGE MASTER, etc."),
        ("Update", "Tables", "To update existing rows"),
        ("Usage", "Server Admin", "No privileges - allow connect only"),
    ];
    let rows = known
        .map(|(name, context, comment)| vec![Value::text(name), Value::text(context), Value::text(comment)]);
    listing(&[text("Privilege", 10), text("Context", 15), text("Comment", 64)], rows.into())
}

/// Tables are not opened and closed here: none is open.
fn open_tables() -> Listing {
    let columns = [text("Database", 64), text("Table", 64), bigint("In_use"), bigint("Name_locked")];
    listing(&columns, Vec::new())
}

fn machine(view: &View, what: MachineStatus) -> Vec<Row> {
    let values = view.engine.processes().machine(what);
    values.into_iter().map(|(name, value)| vec![Value::text(name), Value::text(value)]).collect()
}
