<?php
// What the client scripts share. Each is called with: host port password.

[, $host, $port, $password] = $argv;
$port = (int) $port;

/** Ends the script with a failure when two values are not the same, types included. */
function same(string $what, mixed $expected, mixed $actual): void
{
    if ($expected !== $actual) {
        fwrite(STDERR, "$what:\nexpected " . var_export($expected, true) . "\nactual " . var_export($actual, true) . "\n");
        exit(1);
    }
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
