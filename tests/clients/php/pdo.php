<?php
// PDO; a fourth argument says whether it prepares on the server ("native") or in PHP ("emulated").

require __DIR__ . '/check.php';

$emulated = ($argv[4] ?? '') === 'emulated';

function connect(string $user = '15', ?string $with = null, string $database = 'CometQL_v1', array $options = []): PDO
{
    global $host, $port, $password, $emulated;
    return new PDO("mysql:host=$host;port=$port;dbname=$database;charset=utf8mb4", $user, $with ?? $password, $options + [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_EMULATE_PREPARES => $emulated,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM,
    ]);
}

same('a wrong password', 1045, error_of(fn() => connect(with: 'wrong')));
same('a wrong database', 1049, error_of(fn() => connect(database: 'nowhere')));
$db = connect();
same('who', [['15', 'CometQL_v1']], $db->query("SELECT SUBSTRING_INDEX(USER(), '@', 1), DATABASE()")->fetchAll());
same('statistics', true, str_starts_with($db->getAttribute(PDO::ATTR_SERVER_INFO), 'Uptime: '));
can('login');

$inside = connect(options: [PDO::MYSQL_ATTR_SSL_CA => getenv('COMETQL_TEST_CA'), PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true]);
same('inside TLS', [['Ssl_version', 'TLSv1.3']], $inside->query("SHOW STATUS LIKE 'Ssl_version'")->fetchAll());
can('tls');

$insert = $db->prepare('INSERT INTO conference (name, user_id, stream, message) VALUES (:name, :user, :stream, :message)');
$long = str_repeat('x', 60000);
foreach ([['101', 2, 2147483647, ''], ['101', 4, -7, MESSAGE], ['502', 3, 0, $long]] as [$name, $user, $stream, $message]) {
    $insert->execute(['name' => $name, 'user' => $user, 'stream' => $stream, 'message' => $message]);
    same('rows inserted', 1, $insert->rowCount());
}
$db->exec("INSERT INTO pipes_messages (name, event, message) VALUES ('101', 'e', 'm')");
$select = $db->prepare('SELECT user_id, message FROM conference WHERE name = ? ORDER BY user_id');
foreach (['101' => [[2, ''], [4, MESSAGE]], '502' => [[3, $long]], "' OR 1 = 1 -- " => []] as $name => $rows) {
    $select->execute([$name]);
    same("rows of $name", $rows, $select->fetchAll());
}
$echo = $db->prepare("SELECT CONCAT('<', ?, '>'), ? IS NULL");
foreach ([['a', null, '<a>', 1], [7, '', '<7>', 0], [MESSAGE, 2.5, '<' . MESSAGE . '>', 0]] as [$a, $b, $shown, $null]) {
    $echo->bindValue(1, $a, is_int($a) ? PDO::PARAM_INT : PDO::PARAM_STR);
    $echo->bindValue(2, $b, $b === null ? PDO::PARAM_NULL : PDO::PARAM_STR);
    $echo->execute();
    same('executed again with other types', [[$shown, $null]], $echo->fetchAll());
}
$limit = $db->prepare('SELECT user_id FROM conference WHERE name = ? ORDER BY user_id DESC LIMIT ?');
$limit->bindValue(1, '101');
$limit->bindValue(2, 1, PDO::PARAM_INT);
$limit->execute();
same('LIMIT as a parameter', [[4]], $limit->fetchAll());
$large = $db->prepare('INSERT INTO users_data (id, data) VALUES (?, ?)');
$stream = fopen('php://memory', 'r+');
fwrite($stream, 'from a stream');
rewind($stream);
$large->bindValue(1, 7, PDO::PARAM_INT);
$large->bindParam(2, $stream, PDO::PARAM_LOB);
$large->execute();
same('a large object', 'from a stream', $db->query('SELECT data FROM users_data WHERE id = 7')->fetchColumn());
can('prepared');

every_type($db->query(EVERY_TYPE)->fetchAll(), numbers: true);
same('quoted', MESSAGE, $db->query('SELECT ' . $db->quote(MESSAGE))->fetchColumn());
can('text');

$statement = $db->query('SELECT c.name AS room, user_id, message, 1.50 AS price FROM conference c');
$columns = array_map(function ($number) use ($statement) {
    $meta = $statement->getColumnMeta($number);
    return [$meta['name'], $meta['table'], $meta['native_type'], $meta['len'], $meta['precision'], $meta['flags']];
}, range(0, 3));
same('columns', [
    ['room', 'c', 'VAR_STRING', 256, 0, ['not_null', 'primary_key']],
    ['user_id', 'c', 'LONG', 10, 0, ['not_null', 'primary_key', 'multiple_key']],
    ['message', 'c', 'BLOB', 262140, 0, ['not_null', 'blob']],
    ['price', '', 'NEWDECIMAL', 5, 2, ['not_null']],
], $columns);
$statement->closeCursor();
can('metadata');

$data = $db->prepare('INSERT INTO users_data (id, data) VALUES (?, ?)');
$data->execute([4294967295, 'x']);
same('insert id', [1, '4294967295'], [$data->rowCount(), $db->lastInsertId()]);
$update = $db->prepare('UPDATE conference SET caller_id = ? WHERE name = ?');
$update->execute([5, '101']);
same('rows changed', 2, $update->rowCount());
$update->execute([5, '101']);
same('rows left as they were', 0, $update->rowCount());
$found = connect(options: [PDO::MYSQL_ATTR_FOUND_ROWS => true])->prepare('UPDATE conference SET caller_id = 5 WHERE name = ?');
$found->execute(['101']);
same('rows found', 2, $found->rowCount());
same('rows deleted', 2, $db->exec('DELETE FROM users_data'));
can('counts');

same('with a warning', 12, $db->query("SELECT CAST('12abc' AS SIGNED)")->fetchColumn());
same('warnings', [['Warning', 1292, "Truncated incorrect INTEGER value: '12abc'"]], $db->query('SHOW WARNINGS')->fetchAll());
can('warnings');

foreach ([
    'SELEC 1' => [1064, '42000'],
    'SELECT nothing FROM conference' => [1054, '42S22'],
    'SELECT * FROM nothing' => [1146, '42S02'],
    'INSERT INTO users_data (id, data) VALUES (11, NULL)' => [1048, '23000'],
] as $statement => [$code, $state]) {
    same($statement, $code, error_of(fn() => $db->query($statement)));
    try {
        $db->prepare($statement)->execute();
    } catch (PDOException $error) {
        same($statement, [$state, $code], array_slice($error->errorInfo, 0, 2));
    }
    same('after an error', 1, $db->query('SELECT 1')->fetchColumn());
}
can('errors');

// commit() after a SELECT works only when results carry the transaction's status.
$db->beginTransaction();
$db->exec("INSERT INTO users_data (id, data) VALUES (1, 'kept')");
same('own write', 'kept', $db->query('SELECT data FROM users_data WHERE id = 1')->fetchColumn());
same('in transaction', true, $db->inTransaction());
$db->commit();
$db->beginTransaction();
$db->exec("INSERT INTO users_data (id, data) VALUES (2, 'gone')");
same('own write', 'gone', $db->query('SELECT data FROM users_data WHERE id = 2')->fetchColumn());
$db->rollBack();
same('after both', [[1]], $db->query('SELECT id FROM users_data')->fetchAll());
can('transactions');

if ($emulated) {
    $results = $db->query("SELECT 1, 'a'; DELETE FROM users_data; SELECT 'b' UNION SELECT 'c'");
    $all = [];
    do {
        $all[] = $results->columnCount() ? $results->fetchAll() : $results->rowCount();
    } while ($results->nextRowset());
    same('several results', [[[1, 'a']], 1, [['b'], ['c']]], $all);
    can('several');
}

$unbuffered = connect(options: [PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => false]);
$rows = 0;
foreach ($unbuffered->query(MANY_ROWS) as $row) {
    $rows++;
}
same('rows one by one', 100000, $rows);
can('streaming');

$operator = connect('0');
$lasting = connect('17', options: [PDO::ATTR_PERSISTENT => true]);
$number = fn(PDO $db) => $db->query('SELECT CONNECTION_ID()')->fetchColumn();
$first = $number($lasting);
$lasting = null;
$lasting = connect('17', options: [PDO::ATTR_PERSISTENT => true]);
same('the same connection', $first, $number($lasting));
$operator->exec("KILL $first");
same('a killed connection', true, in_array(error_of(fn() => @$lasting->query('SELECT 1')), [2006, 2013], true));
$lasting = null;
// PHP pings a connection before it gives it out again.
$lasting = connect('17', options: [PDO::ATTR_PERSISTENT => true]);
same('another connection', true, $number($lasting) !== $first);
can('reconnect');
