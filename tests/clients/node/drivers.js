// Node's three drivers behind one interface of promises: what they differ in, and nothing that they are tested for.

'use strict';

const { login } = require('./check.js');

const settings = { ...login, multipleStatements: true };

/** mysql, whose answers come by callback; mysql2 has the same interface beside its promises. */
function byCallback(driver, extras = {}) {
  const call = (object, method, ...args) =>
    new Promise((resolve, reject) => {
      object[method](...args, (error, result, fields) => (error ? reject(error) : resolve({ result, fields })));
    });
  return {
    async connect(options) {
      const db = driver.createConnection({ ...settings, supportBigNumbers: true, ...options });
      // The connection that KILL ends tells so here.
      db.on('error', () => {});
      await call(db, 'connect');
      return {
        id: db.threadId,
        query: async (...args) => (await call(db, 'query', ...args)).result,
        execute: async (...args) => (await call(db, 'execute', ...args)).result,
        columns: async (sql) => (await call(db, 'query', sql)).fields.map(extras.column),
        stream: (sql) => db.query(sql).stream(),
        begin: () => call(db, 'beginTransaction'),
        commit: () => call(db, 'commit'),
        rollback: () => call(db, 'rollback'),
        changeUser: (options) => call(db, 'changeUser', options),
        end: () => db.destroy(),
      };
    },
    pool() {
      const pool = driver.createPool({ ...settings, connectionLimit: 1 });
      return { query: async (sql) => (await call(pool, 'query', sql)).result, end: () => call(pool, 'end') };
    },
    warningsOf: (result) => result.warningCount ?? result.warningStatus,
    ...extras,
  };
}

module.exports = {
  mysql: () =>
    byCallback(require('mysql'), {
      column: (field) => [field.name, field.type, field.length, field.flags, field.charsetNr],
      big: String,
      decimal: Number,
    }),

  mysql2: () =>
    byCallback(require('mysql2'), {
      column: (field) => [field.name, field.columnType, field.columnLength, field.flags, field.characterSet],
      big: String,
      decimal: String,
      prepares: true,
    }),

  mariadb() {
    const driver = require('mariadb');
    // A refusal takes longer than the second that it waits unasked.
    const patient = { ...settings, connectTimeout: 10_000 };
    return {
      async connect(options) {
        const db = await driver.createConnection({ ...patient, ...options });
        db.on('error', () => {});
        return {
          id: db.threadId,
          query: (...args) => db.query(...args),
          execute: (...args) => db.execute(...args),
          columns: async (sql) =>
            (await db.query(sql)).meta.map((field) => [
              field.name(),
              field.columnType,
              field.columnLength,
              field.flags,
              field.collation.index,
            ]),
          stream: (sql) => db.queryStream(sql),
          begin: () => db.beginTransaction(),
          commit: () => db.commit(),
          rollback: () => db.rollback(),
          changeUser: (options) => db.changeUser(options),
          end: () => db.destroy(),
        };
      },
      pool() {
        const pool = driver.createPool({ ...patient, connectionLimit: 1 });
        return { query: (sql) => pool.query(sql), end: () => pool.end() };
      },
      warningsOf: (result) => result.warningStatus,
      big: BigInt,
      decimal: String,
      prepares: true,
      // It waits forever for a CHANGE_USER that was refused, with MariaDB too.
      hangsWhenRefused: true,
    };
  },
};
