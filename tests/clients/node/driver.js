// Node's drivers; a fourth argument says which one.

'use strict';

const { MESSAGE, EVERY_TYPE, withoutKey, same, errorOf, can, login, tls } = require('./check.js');

const driver = require('./drivers.js')[process.argv[5]]();

/** Rows as plain objects. */
const plain = (rows) => rows.map((row) => ({ ...row }));
/** What a write tells. */
const counts = ({ affectedRows, insertId }) => [affectedRows, Number(insertId)];

const steps = {
  async login(db) {
    same('wrong password', [1045, '28000'], await errorOf(driver.connect({ password: 'wrong' })));
    same('wrong database', [1049, '42000'], await errorOf(driver.connect({ database: 'nowhere' })));
    same(
      'who',
      [{ user: '15', name: 'CometQL_v1' }],
      plain(await db.query("SELECT SUBSTRING_INDEX(USER(), '@', 1) AS user, DATABASE() AS name")),
    );
  },

  async tls() {
    const inside = await driver.connect(tls);
    same(
      'inside TLS',
      ['Ssl_version', 'TLSv1.3'],
      Object.values((await inside.query("SHOW STATUS LIKE 'Ssl_version'"))[0]),
    );
    inside.end();
  },

  async counts(db) {
    const invite = 'INSERT INTO conference (name, user_id, message, stream) VALUES (?, ?, ?, ?), (?, ?, ?, ?)';
    same(
      'rows inserted',
      [2, 0],
      counts(await db.query(invite, ['101', 2, '', 2147483647, '101', 4, MESSAGE, -7])),
    );
    same(
      'insert id',
      [1, 4294967295],
      counts(await db.query('INSERT INTO users_data (id, data) VALUES (?, ?)', [4294967295, 'x'.repeat(60000)])),
    );
    same('rows changed', [2, 0], counts(await db.query("UPDATE conference SET caller_id = 10 WHERE name = '101'")));
    same('rows deleted', [0, 0], counts(await db.query("DELETE FROM conference WHERE name = 'none'")));
    await db.query("INSERT INTO pipes_messages (name, event, message) VALUES ('101', 'e', 'm')");
  },

  async text(db) {
    everyType(await db.query(EVERY_TYPE));
    same('a long text', [{ data: 'x'.repeat(60000) }], plain(await db.query('SELECT data FROM users_data')));
    same('an injection', [], plain(await db.query('SELECT 1 FROM conference WHERE name = ?', ["' OR 1 = 1 -- "])));
  },

  async metadata(db) {
    const [TEXT, BYTES] = [45, 63];
    const [NO_DEFAULT, PART_OF_KEY] = [4096, 16384];
    same(
      'columns',
      [
        ['name', 253, 512, 1 | 2 | NO_DEFAULT | PART_OF_KEY, TEXT],
        ['user_id', 3, 10, 1 | 2 | 8 | 32 | NO_DEFAULT | PART_OF_KEY, BYTES],
        ['last_talking', 3, 10, 32, BYTES],
        ['can_hear', 1, 4, 1, BYTES],
        ['message', 252, 262140, 1 | 16 | NO_DEFAULT, TEXT],
        ['stream', 3, 11, 1, BYTES],
        ['id', 254, 144, 1 | 2 | 8 | PART_OF_KEY, TEXT],
        ['big', 8, 22, 1, BYTES],
        ['a_decimal', 246, 5, 1, BYTES],
        ['a_double', 5, 3, 1, BYTES],
        ['a_date', 10, 10, 1 | 128, BYTES],
        ['a_time', 11, 17, 1 | 128, BYTES],
        ['a_moment', 12, 23, 1 | 128, BYTES],
        ['bytes', 253, 2, 1 | 128, BYTES],
        ['nothing', 6, 0, 128, BYTES],
      ],
      await db.columns(EVERY_TYPE),
    );
  },

  async prepared(db) {
    everyType(await db.execute(EVERY_TYPE, []));
    const echo = "SELECT CONCAT('<', ?, '>') AS a, ? AS b";
    for (const [a, b, shown] of [
      [1, 'a', '<1>'],
      ['b', null, '<b>'],
      [null, 'c', null],
      [MESSAGE, '', `<${MESSAGE}>`],
    ]) {
      same('executed again', [{ a: shown, b }], plain(await db.execute(echo, [a, b])));
    }
    for (const user of [1, 2]) {
      same(
        'insert id',
        [1, user],
        counts(await db.execute('INSERT INTO users_data (id, data) VALUES (?, ?)', [user, MESSAGE])),
      );
    }
    same('an error', [1146, '42S02'], await errorOf(db.execute('SELECT * FROM nothing', [])));
    same('after an error', [{ a: '<1>', b: '2' }], plain(await db.execute(echo, ['1', '2'])));
  },

  async warnings(db) {
    const result = await db.query("INSERT IGNORE INTO users_auth (id, hash) VALUES (9, REPEAT('x', 33))");
    same('number of warnings', 1, driver.warningsOf(result));
    same('warnings', ['Warning', 1265], Object.values((await db.query('SHOW WARNINGS'))[0]).slice(0, 2));
    same('no warnings', 0, driver.warningsOf(await db.query('DELETE FROM users_auth')));
  },

  async errors(db) {
    for (const [statement, code, state] of [
      ['SELEC 1', 1064, '42000'],
      ['SELECT * FROM nothing', 1146, '42S02'],
      ['SELECT nothing FROM conference', 1054, '42S22'],
      ['INSERT INTO users_data (id, data) VALUES (3, NULL)', 1048, '23000'],
      ["INSERT INTO users_auth (id, hash) VALUES (3, REPEAT('x', 33))", 1406, '22001'],
    ]) {
      same(statement, [code, state], await errorOf(db.query(statement)));
      same('after an error', [{ one: 1 }], plain(await db.query('SELECT 1 AS one')));
    }
  },

  async transactions(db) {
    const other = await driver.connect();
    const ids = async (client) => (await client.query('SELECT id FROM users_auth')).map((row) => row.id);
    await other.begin();
    await other.query("INSERT INTO users_auth (id, hash) VALUES (1, 'gone')");
    same('own write', [1], await ids(other));
    await other.rollback();
    await other.begin();
    await other.query("INSERT INTO users_auth (id, hash) VALUES (2, 'kept')");
    same('of others', [], await ids(db));
    await other.commit();
    same('committed', [2], await ids(db));
    other.end();
  },

  async several(db) {
    const [first, second, third] = await db.query(
      "SELECT 1 AS a; DELETE FROM users_auth; SELECT 'b' AS b UNION SELECT 'c'",
    );
    same('results', [[{ a: 1 }], 1, [{ b: 'b' }, { b: 'c' }]], [plain(first), second.affectedRows, plain(third)]);
  },

  async streaming(db) {
    let rows = 0;
    const all =
      'SELECT a.COLUMN_NAME FROM information_schema.COLUMNS a JOIN information_schema.COLUMNS b LIMIT 100000';
    await new Promise((resolve, reject) => {
      db.stream(all)
        .on('data', () => {
          rows += 1;
        })
        .on('end', resolve)
        .on('error', reject);
    });
    same('rows one by one', 100000, rows);
  },

  async 'change user'() {
    const other = await driver.connect();
    await other.changeUser({ user: '16', password: login.password, database: login.database });
    const who = "SELECT SUBSTRING_INDEX(USER(), '@', 1) AS user, COUNT(*) = 0 AS none FROM conference";
    same('another tenant', ['16', 1], Object.values((await other.query(who))[0]));
    if (!driver.hangsWhenRefused) {
      same('a wrong password', [1045, '28000'], await errorOf(other.changeUser({ user: '16', password: 'wrong' })));
    }
    other.end();
  },

  async reconnect(db) {
    const pool = driver.pool();
    const number = async () => Number((await pool.query('SELECT CONNECTION_ID() AS id'))[0].id);
    const operator = await driver.connect({ user: '0' });
    const killed = await number();
    await operator.query(`KILL ${killed}`);
    await operator.query(`KILL ${db.id}`);
    same('a killed connection', false, (await errorOf(db.query('SELECT 1'))) === null);
    // The pool may learn of it by the next query only.
    const later = await number().catch(number);
    same('another connection of the pool', true, later !== killed);
    await pool.end();
    operator.end();
  },
};

function everyType(rows) {
  const constants = {
    big: driver.big('9007199254740993'),
    a_decimal: driver.decimal('1.50'),
    a_double: 2.5,
    a_date: new Date(2026, 10, 26),
    a_time: '30:15:00.123456',
    a_moment: new Date(2026, 10, 26, 12, 34, 56, 789),
    bytes: Buffer.from([0x00, 0xff]),
    nothing: null,
  };
  same(
    'every type',
    [
      { name: '101', user_id: 2, last_talking: 0, can_hear: 1, message: '', stream: 2147483647, ...constants },
      { name: '101', user_id: 4, last_talking: null, can_hear: 1, message: MESSAGE, stream: -7, ...constants },
    ],
    withoutKey(rows),
  );
}

(async () => {
  const db = await driver.connect();
  for (const [ability, check] of Object.entries(steps)) {
    if (ability !== 'prepared' || driver.prepares) {
      await check(db);
      can(ability);
    }
  }
  db.end();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
