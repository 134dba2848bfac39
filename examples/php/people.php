<?php
// GET: everybody, and who is online.

declare(strict_types=1);

require __DIR__ . '/lib/http.php';
require __DIR__ . '/lib/session.php';
require __DIR__ . '/lib/database.php';
require __DIR__ . '/lib/people.php';

dispatch([
    'GET' => function (): array {
        requireUser();
        $online = query('SELECT id FROM users_time WHERE time = 0')->fetchAll(PDO::FETCH_COLUMN);
        $show = fn (int $id) => ['user_id' => $id, 'name' => PEOPLE[$id]['name'], 'online' => in_array($id, $online)];
        return array_map($show, array_keys(PEOPLE));
    },
]);
