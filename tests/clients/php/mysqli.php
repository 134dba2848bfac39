<?php
// mysqli beyond plain queries: prepared statements, transactions, several statements, types.

require __DIR__ . '/check.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$db = new mysqli($host, '15', $password, 'CometQL_v1', $port);
$db->set_charset('utf8mb4');
same('ping', true, @$db->ping());

// A statement executed again with other values.
$insert = $db->prepare('INSERT INTO conference (name, user_id, caller_id, message) VALUES (?, ?, ?, ?)');
same('parameters', 4, $insert->param_count);
$insert->bind_param('siis', $name, $user, $caller, $message);
foreach ([['501', 1, 9, 'eins'], ['501', 2, 9, "it's \u{1F600}"], ['502', 3, 0, str_repeat('x', 60000)]] as $values) {
    [$name, $user, $caller, $message] = $values;
    $insert->execute();
    same('affected rows', 1, $insert->affected_rows);
}
$insert->close();

// The binary protocol gives numbers as numbers.
$select = $db->prepare('SELECT name, user_id, message, user_id / 2, user_id * 1e0, NULL FROM conference WHERE name = ? ORDER BY user_id');
same('result columns of a prepared SELECT', 6, $select->field_count);
$select->bind_param('s', $name);
$name = '501';
$select->execute();
same('rows', [['501', 1, 'eins', '0.5000', 1.0, null], ['501', 2, "it's \u{1F600}", '1.0000', 2.0, null]], $select->get_result()->fetch_all());
$name = '502';
$select->execute();
same('a long text', 60000, strlen($select->get_result()->fetch_row()[2]));
$name = 'none';
$select->execute();
same('no rows', [], $select->get_result()->fetch_all());
$select->execute(['501']);
$select->bind_result($a, $b, $c, $d, $e, $f);
same('fetch', true, $select->fetch());
same('bound result', ['501', 1, 'eins', '0.5000', 1.0, null], [$a, $b, $c, $d, $e, $f]);
$select->close();

$null = $db->prepare('SELECT ? IS NULL, ? + 1, CONCAT(?, ?)');
$null->execute([null, 41, 'a', 'b']);
same('NULL as a parameter', [1, 42, 'ab'], array_map(fn($x) => is_numeric($x) ? (int) $x : $x, $null->get_result()->fetch_row()));

$long = $db->prepare('INSERT INTO users_data (id, data) VALUES (?, ?)');
$id = 7;
$data = null;
$long->bind_param('ib', $id, $data);
$long->send_long_data(1, 'part one, ');
$long->send_long_data(1, 'part two');
$long->execute();
same('long data', 'part one, part two', $db->query('SELECT data FROM users_data WHERE id = 7')->fetch_row()[0]);

// Text protocol with native numbers.
$db->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, 1);
same('native numbers', [1, '1.5', 2.5, 'a', null], $db->query("SELECT 1, 1.5, 2.5e0, 'a', NULL")->fetch_row());

// Transactions.
$db->begin_transaction();
$db->query("INSERT INTO users_data (id, data) VALUES (8, 'gone')");
same('own write', '1', (string) $db->query('SELECT COUNT(*) FROM users_data WHERE id = 8')->fetch_row()[0]);
$db->rollback();
same('rolled back', '0', (string) $db->query('SELECT COUNT(*) FROM users_data WHERE id = 8')->fetch_row()[0]);
$db->autocommit(false);
$db->query("INSERT INTO users_data (id, data) VALUES (9, 'kept')");
$db->commit();
$db->autocommit(true);
same('committed', '1', (string) $db->query('SELECT COUNT(*) FROM users_data WHERE id = 9')->fetch_row()[0]);

// Several statements.
$db->multi_query("SELECT 1; INSERT INTO users_data (id, data) VALUES (10, 'x'); SELECT id FROM users_data WHERE id >= 9 ORDER BY id");
$results = [];
do {
    $result = $db->store_result();
    $results[] = $result ? array_map('intval', array_column($result->fetch_all(), 0)) : $db->affected_rows;
} while ($db->more_results() && $db->next_result());
same('several results', [[1], 1, [9, 10]], $results);

// Errors.
same('syntax', 1064, error_of(fn() => $db->query('SELEC 1')));
same('unknown column', 1054, error_of(fn() => $db->query('SELECT nothing FROM conference')));
same('unknown table in a prepared statement', 1146, error_of(fn() => $db->prepare('SELECT * FROM nothing')));
same('too long', 1406, error_of(fn() => $db->query("INSERT INTO users_auth (id, hash) VALUES (1, REPEAT('x', 33))")));
same('NULL', 1048, error_of(fn() => $db->query('INSERT INTO users_data (id, data) VALUES (11, NULL)')));
same('still usable', '1', (string) $db->query('SELECT 1')->fetch_row()[0]);

same('select_db', true, $db->select_db('CometQL_v1'));
same('unknown database', 1049, error_of(fn() => $db->select_db('nowhere')));
same('statistics', true, strlen((string) $db->stat()) > 0);
same('change_user with a wrong password', 1045, error_of(fn() => $db->change_user('15', 'wrong', 'CometQL_v1')));
