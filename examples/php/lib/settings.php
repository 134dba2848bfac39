<?php
// Where the server for calls is, and the tenant's password: from the environment, as there may be several.

declare(strict_types=1);

return [
    // The MySQL port, for this application only.
    'host' => getenv('COMETQL_HOST') ?: '127.0.0.1',
    'port' => (int) (getenv('COMETQL_PORT') ?: 3307),
    'dev_id' => (int) (getenv('COMETQL_DEV_ID') ?: 15),
    'password' => (string) getenv('COMETQL_PASSWORD'),
    // The port for browsers, as they see it.
    'node' => getenv('COMETQL_NODE') ?: '127.0.0.1:8087',
];
