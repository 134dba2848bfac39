<?php
// What the client scripts share. Called with: host port password; COMETQL_TEST_CA is whom they trust in TLS.

[, $host, $port, $password] = $argv;
$port = (int) $port;

/** A user's message: quotes, a backslash, and a character of four bytes. */
const MESSAGE = "it's \"quoted\" \\ back \u{1F600}";

/** Every type that columns have. */
define('EVERY_TYPE', file_get_contents(__DIR__ . '/../every_type.sql'));

/** More rows than a driver should hold. */
const MANY_ROWS = 'SELECT a.COLUMN_NAME FROM information_schema.COLUMNS a JOIN information_schema.COLUMNS b LIMIT 100000';

/** Ends the script with a failure when two values are not the same, types included. */
function same(string $what, mixed $expected, mixed $actual): void
{
    if ($expected !== $actual) {
        fwrite(STDERR, "$what:\nexpected " . var_export($expected, true) . "\nactual " . var_export($actual, true) . "\n");
        exit(1);
    }
}

/** Tells the test that this column of docs/clients.md was checked. */
function can(string $ability): void
{
    echo "can $ability\n";
}

/** The rows of EVERY_TYPE, without the key that the server makes; numbers are numbers or their text. */
function every_type(array $rows, bool $numbers): void
{
    $times = ['2026-11-26', '30:15:00.123456', '2026-11-26 12:34:56.789'];
    $constants = [9007199254740993, '1.50', 2.5, ...$times, "\0\xff", null];
    $expected = [['101', 2, 0, 1, '', 2147483647, ...$constants], ['101', 4, null, 1, MESSAGE, -7, ...$constants]];
    if (!$numbers) {
        $text = fn($value) => $value === null ? null : (string) $value;
        $expected = array_map(fn($row) => array_map($text, $row), $expected);
    }
    $without_key = fn($row) => [...array_slice($row, 0, 6), ...array_slice($row, 7)];
    same('every type', $expected, array_map($without_key, array_map('array_values', $rows)));
}

/** The error code that an action ends with, 0 for none. */
function error_of(callable $action): int
{
    try {
        $action();
    } catch (mysqli_sql_exception $error) {
        return $error->getCode();
    } catch (PDOException $error) {
        return (int) $error->errorInfo[1];
    }
    return 0;
}
