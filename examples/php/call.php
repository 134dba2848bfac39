<?php
// POST {user_ids, name, profile, message}: rings users. Without a name in a new conference, to which the caller is invited, too; with
// it in one that he is invited to. DELETE {name}: takes back his own invitation.

declare(strict_types=1);

require __DIR__ . '/lib/http.php';
require __DIR__ . '/lib/session.php';
require __DIR__ . '/lib/database.php';
require __DIR__ . '/lib/people.php';

const PROFILES = ['audio', 'video'];
/** Bytes of an invitation's message. */
const MAX_MESSAGE = 1000;

dispatch([
    'POST' => function (): array {
        requireToken();
        $caller = requireUser();
        $body = body();
        $users = usersOf($body['user_ids'] ?? null);
        $profile = $body['profile'] ?? 'video';
        $message = textIn($body, 'message');
        if (!in_array($profile, PROFILES, true)) {
            refuse(400, 'profile is audio or video.');
        }
        if (strlen($message) > MAX_MESSAGE) {
            refuse(400, 'message has ' . MAX_MESSAGE . ' bytes at most.');
        }
        if (isset($body['name'])) {
            $name = nameOf($body);
            if (!isInvited($name, $caller)) {
                refuse(403, 'You are not invited to this conference.');
            }
        } else {
            $name = (string) random_int(100_000_000, 999_999_999);
            array_unshift($users, $caller);
        }
        invite($name, array_unique($users), $caller, $message, $profile);
        return ['name' => $name];
    },
    'DELETE' => function (): array {
        requireToken();
        query('DELETE FROM conference WHERE name = ? AND user_id = ?', [nameOf(body()), requireUser()]);
        return [];
    },
]);

/** All in one statement: either everybody is rung or nobody. */
function invite(string $name, array $users, int $caller, string $message, string $profile): void
{
    $rows = implode(', ', array_fill(0, count($users), '(?, ?, ?, ?, ?)'));
    $values = array_merge(...array_map(fn (int $user) => [$name, $user, $caller, $message, $profile], $users));
    query("INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES $rows", $values);
}

function isInvited(string $name, int $user): bool
{
    return query('SELECT 1 FROM conference WHERE name = ? AND user_id = ?', [$name, $user])->fetchColumn() !== false;
}

/** The conference's name: digits. */
function nameOf(array $body): string
{
    $name = textIn($body, 'name');
    return preg_match('/^\d{1,20}\z/', $name) ? $name : refuse(400, 'name is the digits of a conference.');
}

/** Numbers of people that there are. */
function usersOf(mixed $users): array
{
    $is_person = fn (mixed $user) => is_int($user) && isset(PEOPLE[$user]);
    if (!is_array($users) || $users === [] || array_filter($users, $is_person) !== $users) {
        refuse(400, 'user_ids is a list of users\' numbers.');
    }
    return $users;
}
