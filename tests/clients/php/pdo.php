<?php
// PDO; a fourth argument says whether it prepares on the server ("native") or in PHP ("emulated").

require __DIR__ . '/check.php';

$emulated = ($argv[4] ?? '') === 'emulated';
$db = new PDO("mysql:host=$host;port=$port;dbname=CometQL_v1;charset=utf8mb4", '15', $password, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_EMULATE_PREPARES => $emulated,
    PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM,
]);

$insert = $db->prepare('INSERT INTO conference (name, user_id, caller_id, message) VALUES (:name, :user, :caller, :message)');
foreach ([['601', 1, 9, "it's"], ['601', 2, 9, '{"a":"b\\\\c"}'], ['602', 3, 0, "\u{1F600}"]] as [$name, $user, $caller, $message]) {
    $insert->execute(['name' => $name, 'user' => $user, 'caller' => $caller, 'message' => $message]);
    same('row count', 1, $insert->rowCount());
}
$select = $db->prepare('SELECT user_id, message FROM conference WHERE name = ? ORDER BY user_id');
$select->execute(['601']);
same('rows', [[1, "it's"], [2, '{"a":"b\\\\c"}']], $select->fetchAll());
$select->execute(['602']);
same('rows of another room', [[3, "\u{1F600}"]], $select->fetchAll());
$select->execute(["' OR 1 = 1 -- "]);
same('an injection', [], $select->fetchAll());

$limit = $db->prepare('SELECT user_id FROM conference WHERE name = ? ORDER BY user_id DESC LIMIT ?');
$limit->bindValue(1, '601');
$limit->bindValue(2, 1, PDO::PARAM_INT);
$limit->execute();
same('LIMIT as a parameter', [[2]], $limit->fetchAll());

$update = $db->prepare('UPDATE conference SET message = ? WHERE name = ?');
$update->execute(['new', '601']);
same('updated', 2, $update->rowCount());
$delete = $db->prepare('DELETE FROM conference WHERE name = ? AND user_id = ?');
$delete->execute(['601', 2]);
same('deleted', 1, $delete->rowCount());

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

$types = $db->prepare("SELECT 1, -2, 1.5, 2.5e0, 'a', NULL, ?");
$types->execute([3]);
same('types', [1, -2, '1.5', 2.5, 'a', null], array_slice($types->fetch(), 0, 6));

same('syntax', 1064, error_of(fn() => $db->query('SELEC 1')));
same('unknown table', 1146, error_of(fn() => $db->query('SELECT * FROM nothing')));
same('SQLSTATE', '42S02', (function () use ($db) {
    try {
        $db->query('SELECT * FROM nothing');
    } catch (PDOException $error) {
        return $error->getCode();
    }
})());
