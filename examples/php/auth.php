<?php
// GET: who is logged in, his key at the server for calls, and everybody's name; null if nobody is. POST {name, password}: logs in.
// DELETE: logs out.

declare(strict_types=1);

require __DIR__ . '/lib/http.php';
require __DIR__ . '/lib/session.php';
require __DIR__ . '/lib/database.php';
require __DIR__ . '/lib/people.php';

dispatch([
    'GET' => fn () => isset($_SESSION['user_id']) ? account($_SESSION['user_id']) : null,
    'POST' => function (): array {
        requireToken();
        $body = body();
        $user = personOf(textIn($body, 'name'), textIn($body, 'password'));
        if ($user === null) {
            refuse(401, 'There is nobody with this name and password.');
        }
        session_regenerate_id(true);
        $_SESSION['user_id'] = $user;
        return account($user);
    },
    'DELETE' => function (): array {
        requireToken();
        // The key counts no more, and its connections end. The user's other browsers ask for the new one.
        query('DELETE FROM users_auth WHERE id = ?', [requireUser()]);
        session_destroy();
        return [];
    },
]);

/** What the page needs to know. The key that the user has stays: he may be here with another browser as well. */
function account(int $user): array
{
    $key = bin2hex(random_bytes(16));
    query('INSERT INTO users_auth (id, hash) VALUES (?, ?) ON DUPLICATE KEY UPDATE id = id', [$user, $key]);
    $key = query('SELECT hash FROM users_auth WHERE id = ?', [$user])->fetchColumn();
    ['dev_id' => $dev_id, 'node' => $node] = require __DIR__ . '/lib/settings.php';
    $people = array_map(fn (array $person) => $person['name'], PEOPLE);
    return ['user_id' => $user, 'user_key' => $key, 'dev_id' => $dev_id, 'node' => $node, 'people' => $people];
}
