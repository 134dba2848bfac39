<?php
// mysqli; with the fourth argument "persistent", on a connection that PHP keeps and gives out again.

require __DIR__ . '/check.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$persistent = ($argv[4] ?? '') === 'persistent';

function connect(string $user = '15', ?string $with = null, string $database = 'CometQL_v1'): mysqli
{
    global $host, $port, $password, $persistent;
    $db = new mysqli(($persistent ? 'p:' : '') . $host, $user, $with ?? $password, $database, $port);
    $db->set_charset('utf8mb4');
    return $db;
}

/** All rows of a query. */
function ask(mysqli $db, string $sql): array
{
    return $db->query($sql)->fetch_all();
}

same('a wrong password', 1045, error_of(fn() => connect(with: 'wrong')));
same('a wrong database', 1049, error_of(fn() => connect(database: 'nowhere')));
$db = connect();
same('who', [['15', 'CometQL_v1']], ask($db, "SELECT SUBSTRING_INDEX(USER(), '@', 1), DATABASE()"));
same('ping', true, @$db->ping());
same('statistics', true, str_starts_with((string) $db->stat(), 'Uptime: '));
can('login');

$inside = mysqli_init();
$inside->ssl_set(null, null, getenv('COMETQL_TEST_CA'), null, null);
$inside->real_connect($host, '15', $password, 'CometQL_v1', $port, null, MYSQLI_CLIENT_SSL);
same('inside TLS', [['Ssl_version', 'TLSv1.3']], ask($inside, "SHOW STATUS LIKE 'Ssl_version'"));
can('tls');

// A statement executed again with other values.
$insert = $db->prepare('INSERT INTO conference (name, user_id, stream, message) VALUES (?, ?, ?, ?)');
same('parameters', 4, $insert->param_count);
$insert->bind_param('siis', $name, $user, $stream, $message);
foreach ([['101', 2, 2147483647, ''], ['101', 4, -7, MESSAGE], ['502', 3, 0, str_repeat('x', 60000)]] as $values) {
    [$name, $user, $stream, $message] = $values;
    $insert->execute();
    same('rows inserted', 1, $insert->affected_rows);
}
$insert->close();
$db->query("INSERT INTO pipes_messages (name, event, message) VALUES ('101', 'e', 'm')");

$select = $db->prepare(EVERY_TYPE);
same('result columns of a prepared SELECT', 15, $select->field_count);
$select->execute();
every_type($select->get_result()->fetch_all(), numbers: true);
$select->close();
$select = $db->prepare('SELECT user_id, message, user_id / 2 FROM conference WHERE name = ? ORDER BY user_id');
$select->bind_param('s', $name);
$long = str_repeat('x', 60000);
$rooms = [['101', [[2, '', '1.0000'], [4, MESSAGE, '2.0000']]], ['502', [[3, $long, '1.5000']]], ['none', []]];
foreach ($rooms as [$name, $rows]) {
    $select->execute();
    same("rows of $name", $rows, $select->get_result()->fetch_all());
}
$select->execute(['101']);
$select->bind_result($user, $message, $half);
same('fetch', true, $select->fetch());
same('bound result', [2, '', '1.0000'], [$user, $message, $half]);
$select->close();
$echo = $db->prepare("SELECT CONCAT('<', ?, '>'), ? IS NULL, ? + 1");
foreach ([
    ['si', 'a', null, 41, '<a>', 1, 42.0],
    ['di', 2.5, 7, 1, '<2.5>', 0, 2.0],
    ['is', 7, '', 1, '<7>', 0, 2.0],
] as [$types, $a, $b, $c, $shown, $null, $sum]) {
    $echo->bind_param("{$types}d", $a, $b, $c);
    $echo->execute();
    same('executed again with other types', [$shown, $null, $sum], $echo->get_result()->fetch_row());
}
$large = $db->prepare('INSERT INTO users_data (id, data) VALUES (?, ?)');
$id = 7;
$data = null;
$large->bind_param('ib', $id, $data);
$large->send_long_data(1, 'part one, ');
$large->send_long_data(1, 'part two');
$large->execute();
same('long data', [['part one, part two']], ask($db, 'SELECT data FROM users_data WHERE id = 7'));
same('an unknown table', 1146, error_of(fn() => $db->prepare('SELECT * FROM nothing')));
can('prepared');

every_type(ask($db, EVERY_TYPE), numbers: false);
$escaped = $db->real_escape_string("' OR 1 = 1 -- ");
same('an injection', [], ask($db, "SELECT 1 FROM conference WHERE name = '$escaped'"));
$db->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, 1);
every_type(ask($db, EVERY_TYPE), numbers: true);
can('text');

$result = $db->query('SELECT c.name AS room, user_id, message, stream, 1.50 AS price FROM conference c');
$fields = array_map(
    fn($f) => [$f->name, $f->orgname, $f->table, $f->orgtable, $f->type, $f->length, $f->flags, $f->decimals, $f->charsetnr],
    $result->fetch_fields(),
);
$required = MYSQLI_NOT_NULL_FLAG | MYSQLI_NO_DEFAULT_VALUE_FLAG;
$key = MYSQLI_PRI_KEY_FLAG | MYSQLI_PART_KEY_FLAG;
$number = MYSQLI_NUM_FLAG;
same('fields', [
    ['room', 'name', 'c', 'conference', MYSQLI_TYPE_VAR_STRING, 256, $required | $key, 0, 45],
    ['user_id', 'user_id', 'c', 'conference', MYSQLI_TYPE_LONG, 10,
        $required | $key | MYSQLI_MULTIPLE_KEY_FLAG | MYSQLI_UNSIGNED_FLAG | $number, 0, 63],
    ['message', 'message', 'c', 'conference', MYSQLI_TYPE_BLOB, 262140, $required | MYSQLI_BLOB_FLAG, 0, 45],
    ['stream', 'stream', 'c', 'conference', MYSQLI_TYPE_LONG, 11, MYSQLI_NOT_NULL_FLAG | $number, 0, 63],
    ['price', '', '', '', MYSQLI_TYPE_NEWDECIMAL, 5, MYSQLI_NOT_NULL_FLAG, 2, 63],
], $fields);
can('metadata');

$db->query('INSERT INTO users_data (id, data) VALUES (4294967295, "x")');
same('insert id', [1, 4294967295], [$db->affected_rows, $db->insert_id]);
$db->query("UPDATE conference SET caller_id = 5 WHERE name = '101'");
same('rows changed', [2, 'Rows matched: 2  Changed: 2  Warnings: 0'], [$db->affected_rows, $db->info]);
$db->query("UPDATE conference SET caller_id = 5 WHERE name = '101'");
same('rows left as they were', 0, $db->affected_rows);
$db->query('DELETE FROM users_data');
same('rows deleted', 2, $db->affected_rows);
can('counts');

same('with a warning', [[12]], ask($db, "SELECT CAST('12abc' AS SIGNED)"));
same('number of warnings', 1, $db->warning_count);
$warnings = $db->get_warnings();
same('warning', [1292, "Truncated incorrect INTEGER value: '12abc'"], [$warnings->errno, $warnings->message]);
same('no warnings', [[[1]], 0], [ask($db, 'SELECT 1'), $db->warning_count]);
can('warnings');

foreach ([
    'SELEC 1' => [1064, '42000'],
    'SELECT nothing FROM conference' => [1054, '42S22'],
    'SELECT * FROM nothing' => [1146, '42S02'],
    "INSERT INTO users_auth (id, hash) VALUES (1, REPEAT('x', 33))" => [1406, '22001'],
    'INSERT INTO users_data (id, data) VALUES (11, NULL)' => [1048, '23000'],
] as $statement => [$code, $state]) {
    same($statement, [$code, $state], [error_of(fn() => $db->query($statement)), $db->sqlstate]);
    same('after an error', [[1]], ask($db, 'SELECT 1'));
}
same('an unknown database', 1049, error_of(fn() => $db->select_db('nowhere')));
same('a known database', true, $db->select_db('CometQL_v1'));
can('errors');

$ids = fn() => array_column(ask($db, 'SELECT id FROM users_data ORDER BY id'), 0);
$db->begin_transaction();
$db->query("INSERT INTO users_data (id, data) VALUES (8, 'gone')");
same('own write', [8], $ids());
$db->rollback();
same('rolled back', [], $ids());
$db->autocommit(false);
$db->query("INSERT INTO users_data (id, data) VALUES (9, 'kept')");
$db->commit();
$db->autocommit(true);
$db->rollback();
same('committed', [9], $ids());
can('transactions');

$db->multi_query("SELECT 1; INSERT INTO users_data (id, data) VALUES (10, 'x'); SELECT id FROM users_data WHERE id >= 9 ORDER BY id");
$results = [];
do {
    $result = $db->store_result();
    $results[] = $result ? array_column($result->fetch_all(), 0) : $db->affected_rows;
} while ($db->more_results() && $db->next_result());
same('several results', [[1], 1, [9, 10]], $results);
$db->multi_query('SELECT 1; SELECT * FROM nothing; SELECT 2');
$db->store_result();
same('an error among several', 1146, error_of(fn() => $db->next_result()));
same('after it', [[1]], ask($db, 'SELECT 1'));
can('several');

$rows = 0;
foreach ($db->query(MANY_ROWS, MYSQLI_USE_RESULT) as $row) {
    $rows++;
}
same('rows one by one', 100000, $rows);
can('streaming');

$other = connect();
$other->query('SET @mine = 1');
same('change_user', true, $other->change_user('16', $password, 'CometQL_v1'));
same('another tenant', [['16', '0', null]], ask($other, "SELECT SUBSTRING_INDEX(USER(), '@', 1), COUNT(*), @mine FROM conference"));
same('a wrong password', 1045, error_of(fn() => $other->change_user('15', 'wrong', 'CometQL_v1')));
can('change user');

if ($persistent) {
    // Closed is given back: the next one is the same connection, as new.
    $lasting = connect('17');
    $id = $lasting->thread_id;
    $lasting->query('SET @mine = 1');
    $lasting->begin_transaction();
    $lasting->query("INSERT INTO users_data (id, data) VALUES (1, 'not committed')");
    $lasting->close();
    $again = connect('17');
    same('the same connection', $id, $again->thread_id);
    same('as new', [[null, '1']], ask($again, 'SELECT @mine, COUNT(*) = 0 FROM users_data'));
    $again->close();
}
$operator = connect('0');
$killed = $persistent ? connect('17') : $db;
$operator->query("KILL $killed->thread_id");
same('a killed connection', true, in_array(error_of(fn() => @$killed->query('SELECT 1')), [2006, 2013], true));
@$killed->close();
$db = connect('17');
same('after a reconnect', [['17']], ask($db, "SELECT SUBSTRING_INDEX(USER(), '@', 1)"));
can('reconnect');
