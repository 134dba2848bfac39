<?php
// Who may log in. An application has its users in its own database; their numbers are all that the server for calls knows.

declare(strict_types=1);

/** By number: name, and password_hash() of 'ann-secret' and so on. */
const PEOPLE = [
    1 => ['name' => 'Ann', 'password' => '$2y$10$U31bE43oi5UN/G.hlXXPBOwxLJK37GFTeLSW0Vbz6jjbyfSD5fkT6'],
    2 => ['name' => 'Bob', 'password' => '$2y$10$MnLhHk/mpXOF0EGrMtsqwurOUE2LDv2745rO5GZd3qa0tWAHMuR8q'],
    3 => ['name' => 'Cleo', 'password' => '$2y$10$qqmtmZE97ArWMt4MHf1WEuEDFQWg/bS7ZGPzwTC0UVgwxcyZ0K9EC'],
    4 => ['name' => 'Dan', 'password' => '$2y$10$NSzQX5p4S5DzQsMwnU3RquCVVuZICLRP78OZQen.DpyTt9DAepkOi'],
];

/** The number of the person with this name and password, null if there is none. */
function personOf(string $name, string $password): ?int
{
    $id = array_search($name, array_map(fn (array $person) => $person['name'], PEOPLE), true);
    // A name that is none takes as long as a wrong password.
    $hash = PEOPLE[$id === false ? array_key_first(PEOPLE) : $id]['password'];
    return password_verify($password, $hash) && $id !== false ? $id : null;
}
