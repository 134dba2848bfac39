<?php
// The backend of the video chat example as its users wrote it: one INSERT for a login, one for each invited user.

require __DIR__ . '/check.php';

mysqli_report(MYSQLI_REPORT_OFF);

function comet(): mysqli
{
    global $host, $port, $password;
    $link = mysqli_connect($host, '15', $password, 'CometQL_v1', $port);
    if (!$link) {
        fwrite(STDERR, 'connect: ' . mysqli_connect_error() . "\n");
        exit(1);
    }
    return $link;
}

// auth.php: the password that a browser will log in with.
$link = comet();
foreach ([1, 2, 29130] as $id) {
    $hash = mysqli_real_escape_string($link, "PassForUser$id");
    mysqli_query($link, "INSERT INTO users_auth (id, hash) VALUES ($id, '$hash')");
    same('auth.php', 0, mysqli_errno($link));
}
mysqli_query($link, "INSERT INTO users_auth (id, hash) VALUES (1, 'again')");
same('auth.php for a known user', [0, 1], [mysqli_errno($link), mysqli_affected_rows($link)]);
mysqli_close($link);

// call.php: invites the callers to a room.
$link = comet();
$message = json_encode(['text' => "it's \"quoted\" \\ back", 'emoji' => "\u{1F600}"], JSON_UNESCAPED_UNICODE);
$room = mysqli_real_escape_string($link, '101');
$escaped = mysqli_real_escape_string($link, $message);
foreach ([2, 29130, 1] as $user) {
    $query = "INSERT INTO conference (name, user_id, caller_id, message, profile)VALUES('$room', $user, 2, \"$escaped\", \"video\");";
    mysqli_query($link, $query);
    same("call.php: $query", [0, ''], [mysqli_errno($link), mysqli_error($link)]);
    same('affected rows', 1, mysqli_affected_rows($link));
}
mysqli_query($link, "INSERT INTO conference (name, user_id, message) VALUES ('$room', 1, 'called again')");
same('a second call to the same user', 0, mysqli_errno($link));

$result = mysqli_query($link, 'select * from `conference` where name = "101";');
same('number of rows', 3, mysqli_num_rows($result));
same('columns', ['name', 'user_id', 'caller_id', 'message', 'profile', 'stream', 'node'],
    array_map(fn($field) => $field->name, mysqli_fetch_fields($result)));
$rows = mysqli_fetch_all($result, MYSQLI_ASSOC);
same('users', ['1', '2', '29130'], array_column($rows, 'user_id'));
same('message', ['called again', $message, $message], array_column($rows, 'message'));
same('profile', ['default', 'video', 'video'], array_column($rows, 'profile'));

$result = mysqli_query($link, "SELECT c.user_id FROM conference c LEFT JOIN conference_members m USING (name, user_id)"
    . " WHERE c.name = '101' AND m.user_id IS NULL");
same('who is not there', [['1'], ['29130']], mysqli_fetch_all($result));

mysqli_query($link, 'delete from `conference` where name = "101" and user_id = 29130;');
same('delete', 0, mysqli_errno($link));
same('after delete', '2', mysqli_fetch_row(mysqli_query($link, "SELECT COUNT(*) FROM conference WHERE name = '101'"))[0]);

same('unknown table', false, mysqli_query($link, 'SELECT * FROM nothing'));
same('unknown table', [1146, '42S02'], [mysqli_errno($link), mysqli_sqlstate($link)]);
same('a query after the error', ['1'], mysqli_fetch_row(mysqli_query($link, 'SELECT 1')));
mysqli_close($link);

same('a wrong password', false, @mysqli_connect($host, '15', "$password!", 'CometQL_v1', $port));
same('a wrong password', 1045, mysqli_connect_errno());
same('a wrong database', false, @mysqli_connect($host, '15', $password, 'nowhere', $port));
same('a wrong database', 1049, mysqli_connect_errno());
