<?php
// Requests and answers are JSON.

declare(strict_types=1);

header('Cache-Control: no-store');
header('X-Content-Type-Options: nosniff');

set_exception_handler(function (Throwable $error): never {
    // What went wrong is for the log, not for whoever asks.
    error_log((string) $error);
    refuse(500, 'The server for calls cannot do that now.');
});

/** The object in the request's body; answers 400 if there is none. */
function body(): array
{
    $body = json_decode(file_get_contents('php://input'), true, 8);
    return is_array($body) ? $body : refuse(400, 'The request has no JSON object.');
}

/** A text of the body, empty if it is not there; answers 400 if it is something else. */
function textIn(array $body, string $name): string
{
    $text = $body[$name] ?? '';
    return is_string($text) ? $text : refuse(400, "$name is a text.");
}

function answer(mixed $data, int $status = 200): never
{
    http_response_code($status);
    header('Content-Type: application/json');
    exit(json_encode($data));
}

function refuse(int $status, string $error): never
{
    answer(['error' => $error], $status);
}

/** Runs what is there for the request's method; answers 405 if nothing is. */
function dispatch(array $methods): never
{
    $run = $methods[$_SERVER['REQUEST_METHOD']] ?? null;
    if ($run === null) {
        header('Allow: ' . implode(', ', array_keys($methods)));
        refuse(405, 'That cannot be done here.');
    }
    answer($run());
}
