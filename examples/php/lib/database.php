<?php
// The connection to the server for calls, which speaks MySQL's protocol.

declare(strict_types=1);

/** Runs one statement. Values are always sent apart from the text, so none of them can become SQL. */
function query(string $sql, array $values = []): PDOStatement
{
    static $connection = null;
    if ($connection === null) {
        $settings = require __DIR__ . '/settings.php';
        $address = "mysql:host={$settings['host']};port={$settings['port']};dbname=CometQL_v1;charset=utf8mb4";
        $connection = new PDO($address, (string) $settings['dev_id'], $settings['password'], [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_EMULATE_PREPARES => false,
            PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        ]);
    }
    $statement = $connection->prepare($sql);
    $statement->execute($values);
    return $statement;
}
