<?php
// Who asks, and whether the page asks: the session's cookie is not sent by other sites, and whatever changes something has
// to show the session's token, which only the page knows.

declare(strict_types=1);

session_start([
    'name' => 'chat',
    'use_strict_mode' => true,
    'cookie_httponly' => true,
    'cookie_samesite' => 'Strict',
    'cookie_secure' => ($_SERVER['HTTPS'] ?? 'off') !== 'off',
]);
$_SESSION['token'] ??= bin2hex(random_bytes(32));

/** The number of who is logged in; answers 401 if nobody is. */
function requireUser(): int
{
    return $_SESSION['user_id'] ?? refuse(401, 'Log in first.');
}

/** Answers 403 unless the request shows the session's token. */
function requireToken(): void
{
    if (!hash_equals($_SESSION['token'], $_SERVER['HTTP_X_CSRF_TOKEN'] ?? '')) {
        refuse(403, 'The request does not come from the page, or the page is too old: reload it.');
    }
}
