<?php
// Doctrine DBAL, by the driver that the fourth argument names: query builder, types, transactions, schema.

require __DIR__ . '/check.php';
require 'Doctrine/DBAL/autoload.php';

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;
use Doctrine\DBAL\Exception\DriverException;
use Doctrine\DBAL\Exception\InvalidFieldNameException;
use Doctrine\DBAL\Exception\NotNullConstraintViolationException;
use Doctrine\DBAL\Exception\SyntaxErrorException;
use Doctrine\DBAL\Exception\TableNotFoundException;
use Doctrine\DBAL\ParameterType;
use Doctrine\DBAL\Platforms\MariaDBPlatform;
use Doctrine\DBAL\Types\BigIntType;
use Doctrine\DBAL\Types\IntegerType;
use Doctrine\DBAL\Types\StringType;
use Doctrine\DBAL\Types\TextType;

function connect(array $options = []): Connection
{
    global $host, $port, $password, $argv;
    return DriverManager::getConnection($options + [
        'driver' => $argv[4], 'host' => $host, 'port' => $port, 'user' => '15', 'password' => $password,
        'dbname' => 'CometQL_v1', 'charset' => 'utf8mb4',
    ]);
}

/** Class and code of what an action throws. */
function thrown(callable $action): array
{
    try {
        $action();
    } catch (DriverException $error) {
        return [$error::class, $error->getCode(), $error->getSQLState()];
    }
    return [];
}

same('a wrong password', 1045, thrown(fn() => connect(['password' => 'wrong'])->fetchOne('SELECT 1'))[1]);
$db = connect();
same('who', '15', $db->fetchOne("SELECT SUBSTRING_INDEX(USER(), '@', 1)"));
same('taken for MariaDB', true, $db->getDatabasePlatform() instanceof MariaDBPlatform);
can('login');

$schema = $db->createSchemaManager();
same('databases', ['information_schema', 'CometQL_v1'], array_values($schema->listDatabases()));
$tables = [
    'conference', 'conference_members', 'conferences', 'pipes', 'pipes_messages', 'pipes_settings', 'revoked_tokens',
    'users_auth', 'users_data', 'users_in_pipes', 'users_messages', 'users_time',
];
$names = $schema->listTableNames();
sort($names);
same('tables', $tables, $names);
$conference = $schema->introspectTable('conference');
same('columns', [
    'name' => StringType::class,
    'user_id' => IntegerType::class,
    'caller_id' => IntegerType::class,
    'message' => TextType::class,
    'profile' => StringType::class,
    'stream' => IntegerType::class,
    'node' => StringType::class,
    'max_seconds' => IntegerType::class,
], array_map(fn($column) => $column->getType()::class, $conference->getColumns()));
$column = $conference->getColumn('profile');
same('profile', [64, true, 'default'], [$column->getLength(), $column->getNotnull(), $column->getDefault()]);
$unsigned = fn($name) => $conference->getColumn($name)->getUnsigned();
same('unsigned', [true, false], [$unsigned('user_id'), $unsigned('stream')]);
same('collation', 'utf8mb4_bin', $conference->getColumn('name')->getPlatformOption('collation'));
same('primary key', ['name', 'user_id'], $conference->getPrimaryKey()->getColumns());
$index = $conference->getIndex('conference_user');
same('index', [['user_id'], false], [$index->getColumns(), $index->isUnique()]);
same('foreign keys', [], $conference->getForeignKeys());
same('views', [], $schema->listViews());
same('bigint', BigIntType::class, $schema->introspectTable('users_time')->getColumn('time')->getType()::class);
same('the whole schema', count($tables), count($schema->introspectSchema()->getTables()));
can('reflection');

foreach ([[2, '', 2147483647], [4, MESSAGE, -7]] as [$user, $message, $stream]) {
    $invitation = ['name' => '101', 'user_id' => $user, 'message' => $message, 'stream' => $stream];
    same('rows inserted', 1, $db->insert('conference', $invitation));
}
$db->insert('pipes_messages', ['name' => '101', 'event' => 'e', 'message' => 'm']);
$db->insert('users_data', ['id' => 9, 'data' => 'x']);
same('insert id', 9, (int) $db->lastInsertId());
same('rows changed', 2, $db->update('conference', ['caller_id' => 7], ['name' => '101']));
same('rows deleted', 1, $db->delete('users_data', ['id' => 9]));
can('counts');

every_type($db->fetchAllNumeric(EVERY_TYPE), numbers: true);
$last = $db->createQueryBuilder()->select('user_id')->from('conference', 'c')->where('c.name = :name')
    ->orderBy('user_id', 'DESC')->setParameter('name', '101')->setMaxResults(1);
same('query builder', [4], array_map('intval', $last->fetchFirstColumn()));
can('text');

$select = $db->prepare('SELECT message FROM conference WHERE name = ? AND user_id = ?');
foreach ([
    [2, ParameterType::INTEGER, ''],
    ['4', ParameterType::STRING, MESSAGE],
    [null, ParameterType::NULL, false],
] as [$user, $type, $message]) {
    $select->bindValue(1, '101');
    $select->bindValue(2, $user, $type);
    same('executed again', $message, $select->executeQuery()->fetchOne());
}
$listed = 'SELECT user_id FROM conference WHERE user_id IN (?) ORDER BY user_id';
same('a list', [2, 4], array_map('intval', $db->fetchFirstColumn($listed, [[4, 2, 9]], [Connection::PARAM_INT_ARRAY])));
can('prepared');

foreach ([
    'SELEC 1' => [SyntaxErrorException::class, 1064, '42000'],
    'SELECT * FROM nothing' => [TableNotFoundException::class, 1146, '42S02'],
    'SELECT nothing FROM conference' => [InvalidFieldNameException::class, 1054, '42S22'],
    'INSERT INTO users_data (id, data) VALUES (1, NULL)' => [NotNullConstraintViolationException::class, 1048, '23000'],
] as $statement => $expected) {
    same($statement, $expected, thrown(fn() => $db->executeStatement($statement)));
    same('after an error', 1, (int) $db->fetchOne('SELECT 1'));
}
can('errors');

$count = fn() => (int) $db->fetchOne('SELECT COUNT(*) FROM users_data');
$db->transactional(fn($db) => $db->insert('users_data', ['id' => 1, 'data' => 'kept']));
$db->setNestTransactionsWithSavepoints(true);
$db->beginTransaction();
$db->insert('users_data', ['id' => 2, 'data' => 'gone']);
$db->beginTransaction();
$db->insert('users_data', ['id' => 3, 'data' => 'gone']);
same('own writes', 3, $count());
$db->rollBack();
same('without the nested', 2, $count());
$db->rollBack();
same('rolled back', 1, $count());
can('transactions');

same('rows one by one', 100000, iterator_count($db->iterateNumeric(MANY_ROWS)));
can('streaming');

connect(['user' => '0'])->executeStatement('KILL ' . $db->fetchOne('SELECT CONNECTION_ID()'));
same('a killed connection', true, in_array(thrown(fn() => @$db->fetchOne('SELECT 1'))[1] ?? 0, [2006, 2013], true));
$db->close();
same('after a reconnect', 1, (int) $db->fetchOne('SELECT 1'));
can('reconnect');
