// A page over Node's `ws`: logs in, subscribes, speaks, is called, and comes back after a cut.
// Arguments: the URL before the path, and the key of user 7. It tells `ready` when it can be called to conference 101.
// COMETQL_TEST_CA: the authority of the certificate.

'use strict';

const fs = require('node:fs');
const assert = require('node:assert');
const WebSocket = require('ws');

const [, , url, key] = process.argv;
const ca = process.env.COMETQL_TEST_CA && fs.readFileSync(process.env.COMETQL_TEST_CA);

/** A connection whose messages are taken one by one. */
class Browser {
  constructor(userId, userKey) {
    this.waiting = [];
    this.takers = [];
    this.socket = new WebSocket(`${url}/ws/sesion=${userKey}&myid=${userId}&devid=15&v=4.08&uuid=u${userId}&api=js`, { ca });
    this.closed = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)));
    this.socket.on('error', (error) => this.take({ error: String(error) }));
    this.socket.on('message', (data, isBinary) => {
      assert(!isBinary && !String(data).includes("'"));
      this.take(JSON.parse(data));
    });
  }

  take(message) {
    const taker = this.takers.shift();
    if (taker) taker(message);
    else this.waiting.push(message);
  }

  next() {
    if (this.waiting.length > 0) return Promise.resolve(this.waiting.shift());
    return new Promise((resolve) => this.takers.push(resolve));
  }

  say(...lines) {
    this.socket.send(lines.join('\n'));
  }
}

async function main() {
  const user = new Browser(7, key);
  assert.strictEqual((await user.next()).authorized, true);
  const guest = new Browser(0, '');
  assert.strictEqual((await guest.next()).authorized, false);
  user.say('subscription', 'web_room', 'track_room');
  user.say('pipe_count', 'web_room', '1');
  assert.strictEqual((await user.next()).data.user_in_pipe, 1);
  guest.say('web_pipe2', 'web_room', 'greeting', '*', `it's {"from": "Node"}`);
  assert.strictEqual((await guest.next()).data.number_messages, 1);
  const heard = await user.next();
  assert.deepStrictEqual([heard.event, heard.data, heard.user_id], ['greeting', `it's {"from": "Node"}`, 0]);
  console.log('ready');
  const call = await user.next();
  assert.strictEqual(call.event, 'sys_sipCall');
  assert.strictEqual(call.data.sys.conference_name, '101');
  // Whoever asks to close is cut off without a close frame, so that pages come back.
  user.socket.close();
  assert.strictEqual(await user.closed, 1006);
  const again = new Browser(7, key);
  assert.strictEqual((await again.next()).authorized, true);
  console.log('done');
  process.exit(0);
}

main();
