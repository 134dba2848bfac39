//! The one error type. Each variant knows its MySQL code and SQLSTATE and the number CppComet's backends know.

mod codes;

use thiserror::Error;

/// What anything here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, in the words a client gets to read.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Error {
    /// Text that is not CometQL.
    #[error("You have an error in your SQL syntax: {0}")]
    Syntax(String),
    /// A statement or clause that MySQL knows and CometQL does not.
    #[error("This version of CometQL doesn't yet support '{0}'")]
    Unsupported(String),
    /// A table that does not exist.
    #[error("Table '{database}.{table}' doesn't exist")]
    UnknownTable {
        /// The database that was asked.
        database: String,
        /// The table's name as written.
        table: String,
    },
    /// A column that does not exist; `clause` as MySQL says it: 'SELECT', 'WHERE', 'ON', ...
    #[error("Unknown column '{column}' in '{clause}'")]
    UnknownColumn {
        /// The column's name as written.
        column: String,
        /// Where it was written.
        clause: String,
    },
    /// Two rows with the same key.
    #[error("Duplicate entry '{entry}' for key '{key}'")]
    DuplicateKey {
        /// The key's values, joined by `-`.
        entry: String,
        /// The key's name.
        key: String,
    },
    /// Another transaction committed a change of the same row first.
    #[error("Deadlock found when trying to get lock; try restarting transaction")]
    Conflict,
    /// A value that a table's own rules refuse.
    #[error("{0}")]
    InvalidData(String),
    /// A media node that a row asks for, and that is not configured.
    #[error(
        "The foreign server '{0}' you are trying to reference does not exist; [sip] freeswitch names the nodes"
    )]
    UnknownNode(String),
    /// No media node is well, and `without_node` says that there are no invitations then.
    #[error("Unable to connect to foreign data source: no FreeSWITCH node is well; try again later")]
    NoNode,
    /// The store could not read or write.
    #[error("Storage error: {0}")]
    Storage(String),
    /// A text without a statement.
    #[error("Query was empty")]
    EmptyQuery,
    /// A statement beyond a bound of the parser; names the bound.
    #[error("Statement is too complex: {0}")]
    TooComplex(String),
    /// A statement longer than allowed, in bytes.
    #[error("Got a statement bigger than {0} bytes")]
    TooLong(usize),
    /// More text in a session's prepared statements than allowed, in bytes.
    #[error("Prepared statements of one session may have {0} bytes together; close some")]
    PreparedTooLong(usize),
    /// A column name that several tables have.
    #[error("Column '{column}' in {clause} is ambiguous")]
    AmbiguousColumn {
        /// The column's name as written.
        column: String,
        /// Where it was written, as in [`Error::UnknownColumn`].
        clause: String,
    },
    /// Two tables of one FROM with the same name.
    #[error("Not unique table/alias: '{0}'")]
    NotUniqueTable(String),
    /// A database that does not exist.
    #[error("Unknown database '{0}'")]
    UnknownDatabase(String),
    /// A table name before `.*` that FROM does not have.
    #[error("Unknown table '{0}'")]
    UnknownWildcardTable(String),
    /// A column named twice in an INSERT's list.
    #[error("Column '{0}' specified twice")]
    ColumnTwice(String),
    /// A row of an INSERT has more or fewer values than columns; counts from 1.
    #[error("Column count doesn't match value count at row {0}")]
    ColumnCount(usize),
    /// A column without a default that an INSERT leaves out.
    #[error("Field '{0}' doesn't have a default value")]
    NoDefault(String),
    /// NULL for a column that cannot hold it.
    #[error("Column '{0}' cannot be null")]
    NullColumn(String),
    /// An aggregate function where none can be.
    #[error("Invalid use of group function")]
    GroupFunction,
    /// GROUP BY of something that is an aggregate.
    #[error("Can't group on '{0}'")]
    GroupOn(String),
    /// A row of several columns where one belongs, or the other way round.
    #[error("Operand should contain {0} column(s)")]
    OperandColumns(usize),
    /// A subquery used as a value has several rows.
    #[error("Subquery returns more than 1 row")]
    SubqueryRows,
    /// The parts of a UNION differ.
    #[error("The used SELECT statements have a different number of columns")]
    UnionColumns,
    /// A subquery in FROM without a name.
    #[error("Every derived table must have its own alias")]
    DerivedAlias,
    /// A subquery in FROM with two columns of the same name.
    #[error("Duplicate column name '{0}'")]
    DuplicateColumn(String),
    /// More tables in one SELECT than allowed.
    #[error("Too many tables; CometQL can only use {0} tables in a join")]
    TooManyTables(usize),
    /// KILL QUERY, or the client is gone.
    #[error("Query execution was interrupted")]
    Interrupted,
    /// The statement ran longer than `max_statement_time`.
    #[error("Query execution was interrupted (max_statement_time exceeded)")]
    StatementTimeout,
    /// The statement would hold more rows in memory than allowed, in bytes.
    #[error("Out of sort memory: the statement needs more than {0} bytes")]
    StatementMemory(usize),
    /// User variables with more bytes than a session may hold, or a statement may name.
    #[error(
        "Out of memory: the user variables of one session, and of one statement, may have {0} bytes together"
    )]
    VariableMemory(usize),
    /// All connections together would hold more than `max_memory` allows, in bytes.
    #[error("Out of memory: all connections together may hold {0} bytes (max_memory); try again later")]
    OutOfMemory(usize),
    /// A row of a result longer than a packet may be, in bytes.
    #[error("Got a row of a result bigger than {0} bytes (max_packet)")]
    ResultRowTooLarge(u64),
    /// A system variable that does not exist.
    #[error("Unknown system variable '{0}'")]
    UnknownVariable(String),
    /// A system variable that cannot be set.
    #[error("Variable '{0}' is a read only variable")]
    ReadOnlyVariable(String),
    /// A system variable read or set in a scope that it does not have; `scope` is the one it has.
    #[error("Variable '{variable}' is a {scope} variable")]
    VariableScope {
        /// The variable's name.
        variable: String,
        /// GLOBAL or SESSION.
        scope: &'static str,
    },
    /// SET GLOBAL of a variable that only sessions have.
    #[error("Variable '{0}' is a SESSION variable and can't be used with SET GLOBAL")]
    SessionVariable(String),
    /// SET SESSION of a variable that only the server has.
    #[error("Variable '{0}' is a GLOBAL variable and should be set with SET GLOBAL")]
    GlobalVariable(String),
    /// SET SESSION of a variable that sessions take over from the server.
    #[error("SESSION variable '{0}' is read-only. Use SET GLOBAL to assign the value")]
    ReadOnlyInSession(String),
    /// A value that a system variable does not take.
    #[error("Variable '{variable}' can't be set to the value of '{value}'")]
    VariableValue {
        /// The variable's name.
        variable: String,
        /// The value as text.
        value: String,
    },
    /// A value of the wrong type for a system variable.
    #[error("Incorrect argument type to variable '{0}'")]
    VariableType(String),
    /// A character set we do not know.
    #[error("Unknown character set: '{0}'")]
    UnknownCharacterSet(String),
    /// A collation we do not know.
    #[error("Unknown collation: '{0}'")]
    UnknownCollation(String),
    /// A collation of another character set than named beside it.
    #[error("COLLATION '{collation}' is not valid for CHARACTER SET '{character_set}'")]
    CollationMismatch {
        /// The collation's name.
        collation: String,
        /// The character set's name.
        character_set: String,
    },
    /// A time zone that is no offset within ±14:00 or `SYSTEM`.
    #[error("Unknown or incorrect time zone: '{0}'")]
    UnknownTimeZone(String),
    /// A prepared statement that does not exist.
    #[error("Unknown prepared statement handler ({handler}) given to {command}")]
    UnknownPrepared {
        /// Its number or name.
        handler: String,
        /// The command that named it.
        command: String,
    },
    /// Too few or too many values for a prepared statement's parameters, and the like.
    #[error("Incorrect arguments to {0}")]
    WrongArguments(String),
    /// A session has as many prepared statements as allowed.
    #[error("Can't create more than max_prepared_stmt_count statements (current value: {0})")]
    TooManyPrepared(usize),
    /// A statement that cannot be prepared, or a parameter outside of one.
    #[error("This command is not supported in the prepared statement protocol yet")]
    NotPreparable,
    /// A savepoint that does not exist.
    #[error("SAVEPOINT {0} does not exist")]
    UnknownSavepoint(String),
    /// KILL of a connection that does not exist.
    #[error("Unknown thread id: {0}")]
    UnknownConnection(u64),
    /// A table that clients cannot write.
    #[error("Table `{0}` is read only")]
    ReadOnlyTable(String),
    /// INSERT or REPLACE into a table whose rows are commanded, not written.
    #[error("The target table {0} of the INSERT is not insertable-into")]
    NotInsertable(String),
    /// UPDATE of a column that cannot be commanded.
    #[error("Column '{0}' is not updatable")]
    ColumnNotUpdatable(String),
    /// A name or value that cannot stand in a command to a media node.
    #[error("Incorrect {kind} for a command to a media node: '{text}'")]
    WrongArgument {
        /// What it is.
        kind: &'static str,
        /// Its text.
        text: String,
    },
    /// A media node refused a command.
    #[error("Got error '{reason}' from media node '{node}'")]
    CommandRefused {
        /// The node's name.
        node: String,
        /// In its words.
        reason: String,
    },
    /// A command was not given to a media node, because it cannot be reached.
    #[error("Unable to connect to media node '{node}': {reason}")]
    NodeUnreachable {
        /// The node's name.
        node: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A command was given to a media node, which did not answer.
    #[error("Lost media node '{node}' before its answer: {reason}; the command may have been carried out")]
    AnswerLost {
        /// The node's name.
        node: String,
        /// What happened.
        reason: String,
    },
    /// A path that conferences may not be recorded to.
    #[error("Conferences cannot be recorded to '{path}': {reason}")]
    RecordingRefused {
        /// The path.
        path: String,
        /// What may be done instead.
        reason: String,
    },
    /// A statement that failed when some of its commands were carried out, which are not taken back; says how many.
    #[error("{error}; {extent}")]
    PartlyDone {
        /// Why it failed.
        error: Box<Error>,
        /// What is known of the others.
        extent: String,
    },
    /// Something that only the operator, tenant 0, may do.
    #[error("Access denied; only tenant 0 may {0}")]
    AccessDenied(String),
    /// A write in a READ ONLY transaction.
    #[error("Cannot execute statement in a READ ONLY transaction")]
    ReadOnlyTransaction,
    /// SET TRANSACTION while one is open.
    #[error("Transaction characteristics can't be changed while a transaction is in progress")]
    TransactionOpen,
    /// A prepared statement with more parameters than the protocol can number.
    #[error("Prepared statement contains too many placeholders")]
    TooManyParams,
    /// A row beside something that is none.
    #[error("Illegal parameter data types row and {kind} for operation '{operation}'")]
    IllegalTypes {
        /// What the other side is.
        kind: String,
        /// The operator.
        operation: String,
    },
    /// A type that does not exist.
    #[error("Unknown data type: '{0}'")]
    UnknownDataType(String),
    /// `DELETE a FROM b`.
    #[error("Unknown table '{0}' in MULTI DELETE")]
    UnknownMultiDelete(String),
    /// A number too large for DOUBLE.
    #[error("Illegal double '{0}' value found during parsing")]
    IllegalDouble(String),
    /// `SELECT *` without FROM.
    #[error("No tables used")]
    NoTables,
    /// Two clauses that exclude each other.
    #[error("Incorrect usage of {0} and {1}")]
    WrongUsage(String, String),
    /// A table that is changed and read in a subquery by the same statement.
    #[error(
        "Table '{table}' is specified twice, both as a target for '{command}' and as a separate source for data"
    )]
    TargetTwice {
        /// The table's name.
        table: String,
        /// UPDATE, DELETE or INSERT.
        command: String,
    },
    /// A user that does not exist, or a wrong password: which of the two is not told.
    #[error(
        "Access denied for user '{user}'@'{host}' (using password: {})",
        if *.password { "YES" } else { "NO" }
    )]
    LoginRefused {
        /// The user name as sent.
        user: String,
        /// Where the client is.
        host: String,
        /// Whether it sent a password.
        password: bool,
    },
    /// A login whose password was not looked at, because too many before it were wrong.
    #[error("User is blocked because of too many credential errors; try again in some seconds")]
    LoginBlocked,
    /// A login outside of TLS where TLS is required.
    #[error("Connections using insecure transport are prohibited while --require_secure_transport=ON.")]
    TlsRequired,
    /// A file of TLS that cannot be used.
    #[error("[{section}] {key}: '{file}': {reason}")]
    TlsFile {
        /// The section of the settings.
        section: &'static str,
        /// The setting.
        key: &'static str,
        /// The file that it names.
        file: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A request of HTTP that is not carried out; says why.
    #[error("Malformed or forbidden request: {0}")]
    RequestRefused(String),
    /// More bytes of results than the answer to a request of HTTP may have.
    #[error("Got results bigger than {0} bytes (max_packet); ask for fewer rows")]
    AnswerTooLarge(usize),
    /// As many connections as allowed are open.
    #[error("Too many connections")]
    TooManyConnections,
    /// A login that cannot be read or that asks for something not offered; says what.
    #[error("Bad handshake: {0}")]
    BadHandshake(String),
    /// A command of the protocol that does not exist here.
    #[error("Unknown command")]
    UnknownCommand,
    /// A command longer than allowed, in bytes.
    #[error("Got a packet bigger than 'max_allowed_packet' bytes ({0})")]
    PacketTooLarge(usize),
    /// A packet with another number than its place.
    #[error("Got packets out of order")]
    PacketsOutOfOrder,
    /// A packet that is cut, or longer than its command.
    #[error("Malformed communication packet")]
    MalformedPacket,
    /// Text that is not UTF-8; shows where.
    #[error("Invalid utf8mb4 character string: '{0}'")]
    InvalidText(String),
    /// A number beyond what a column holds; `row` counts the statement's rows from 1.
    #[error("Out of range value for column '{column}' at row {row}")]
    ColumnOutOfRange {
        /// The column's name.
        column: String,
        /// The row in the statement.
        row: usize,
    },
    /// A text longer than its column.
    #[error("Data too long for column '{column}' at row {row}")]
    ColumnTooLong {
        /// The column's name.
        column: String,
        /// The row in the statement.
        row: usize,
    },
    /// A text of which only a part can be stored.
    #[error("Data truncated for column '{column}' at row {row}")]
    ColumnTruncated {
        /// The column's name.
        column: String,
        /// The row in the statement.
        row: usize,
    },
    /// A value that is no number, or no text, for a column.
    #[error("Incorrect {kind} value: '{value}' for column {place} at row {row}")]
    IncorrectValue {
        /// What the column holds: integer, decimal, double or string.
        kind: &'static str,
        /// The value's text.
        value: String,
        /// Database, table and column.
        place: String,
        /// The row in the statement.
        row: usize,
    },
    /// A value that is no moment, day or time for a column.
    #[error("Incorrect {kind} value: '{value}' for column {place} at row {row}")]
    IncorrectTemporal {
        /// What the column holds: date, time or datetime.
        kind: &'static str,
        /// The value's text.
        value: String,
        /// Database, table and column.
        place: String,
        /// The row in the statement.
        row: usize,
    },
    /// A function that does not exist.
    #[error("FUNCTION {database}.{name} does not exist")]
    UnknownFunction {
        /// The current database.
        database: String,
        /// The function's name as written.
        name: String,
    },
    /// A function with too few or too many arguments.
    #[error("Incorrect parameter count in the call to native function '{0}'")]
    ArgumentCount(String),
    /// A number that the type of an expression cannot hold.
    #[error("{kind} value is out of range in '{expression}'")]
    OutOfRange {
        /// BIGINT, BIGINT UNSIGNED, DECIMAL or DOUBLE.
        kind: &'static str,
        /// What was computed.
        expression: String,
    },
    /// A literal like DATE '...' whose text does not fit.
    #[error("Incorrect {kind} value: '{text}'")]
    WrongLiteral {
        /// DATE, TIME or DATETIME.
        kind: &'static str,
        /// The text.
        text: String,
    },
    /// A pattern that is no regular expression, or too large a one.
    #[error("Regex error '{0}'")]
    Regex(String),
    /// A folder that cannot be used as a data folder; says which and why.
    #[error("{0}")]
    DataFolder(String),
    /// A file of the store is cut, damaged or missing, and acknowledged writes may be lost; says which.
    #[error("The store is damaged: {0}")]
    Damaged(String),
    /// The disk has no room for writes; reads and deletes go on.
    #[error("Disk full ({folder}): {free} bytes are free and {needed} must stay so; reads and deletes go on")]
    DiskFull {
        /// The data folder.
        folder: String,
        /// Bytes free.
        free: u64,
        /// Bytes below which only deletes are accepted.
        needed: u64,
    },
    /// A transaction's snapshot was given up, because the versions it needed took too much memory for too long.
    #[error("The transaction's view of the data was given up after {0} seconds; start it again")]
    SnapshotTooOld(u64),
    /// A transaction that writes more bytes than allowed.
    #[error("Transaction required more than {0} bytes of storage; increase the limit or write less at once")]
    TransactionTooLarge(u64),
    /// A row with more bytes than a row can have.
    #[error("Row size too large. The maximum row size is {0} bytes")]
    RowTooLarge(usize),
    /// Key columns with more bytes than a key can have.
    #[error("Specified key was too long; max key length is {0} bytes")]
    KeyTooLong(usize),
    /// A pipe's name with too few characters.
    #[error("Channel name is too short")]
    NameTooShort,
    /// The store was closed.
    #[error("Server shutdown in progress")]
    ShuttingDown,
    /// A bug here.
    #[error("Internal error: {0}")]
    Internal(String),
}
