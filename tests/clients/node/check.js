// What the client scripts share. Called with: host port password driver; COMETQL_TEST_CA is whom they trust in TLS.

'use strict';

const { deepStrictEqual } = require('node:assert');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const [, , host, port, password] = process.argv;

module.exports = {
  login: { host, port: Number(port), user: '15', password, database: 'CometQL_v1' },
  /** mariadb must be told the host once more, whose name the certificate has. */
  tls: { ssl: { ca: readFileSync(process.env.COMETQL_TEST_CA), host } },
  /** A user's message: quotes, a backslash, and a character of four bytes. */
  MESSAGE: 'it\'s "quoted" \\ back \u{1F600}',
  EVERY_TYPE: readFileSync(join(__dirname, '../every_type.sql'), 'utf8').trim(),
  /** As a driver hands the rows of EVERY_TYPE over, without the key that the server makes. */
  withoutKey: (rows) => rows.map(({ id, ...row }) => (deepStrictEqual(id.length, 36), { ...row })),
  /** Fails when two values are not the same, types included. */
  same(what, expected, actual) {
    deepStrictEqual(actual, expected, `${what}:\nexpected ${show(expected)}\nactual   ${show(actual)}`);
  },
  /** The code and SQLSTATE that a promise is refused with. */
  errorOf: (promise) =>
    promise.then(
      () => null,
      (error) => [error.errno, error.sqlState],
    ),
  /** Tells the test that this column of docs/clients.md was checked. */
  can: (ability) => console.log(`can ${ability}`),
};

function show(value) {
  return require('node:util').inspect(value, { depth: 5, breakLength: 200 });
}
