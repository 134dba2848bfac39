// src/callbacks.js
function run(callback, ...values) {
  try {
    callback(...values);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

// src/names.js
var PIPE = /^[A-Za-z0-9_-]{2,64}$/;
var EVENT = /^[A-Za-z0-9_-]{0,64}$/;
var EVERYTHING = "comet_server_msg";
var PRIVATE = "msg";
var SYSTEM = "sys";
var ANSWER_TO = "_answer_to_";
var isLocal = (pipe) => [PRIVATE, SYSTEM, EVERYTHING].includes(pipe) || pipe.startsWith("_answer");
var isPipe = (name) => typeof name === "string" && PIPE.test(name);
var isEvent = (name) => typeof name === "string" && EVENT.test(name);
function parseName(name) {
  if (name === "") {
    return { key: EVERYTHING, pipe: null };
  }
  const full = name.replace(/^(#|answer_to_)/, ANSWER_TO);
  const dot = full.indexOf(".");
  const pipe = dot < 0 ? full : full.slice(0, dot);
  const proper = pipe.startsWith(ANSWER_TO) ? pipe.slice(ANSWER_TO.length) : pipe;
  if (!isPipe(proper) || dot >= 0 && !isEvent(full.slice(dot + 1))) {
    return void 0;
  }
  return { key: full, pipe: isLocal(pipe) ? null : pipe };
}

// src/commands.js
var SPEAKING = /^@?web_|^webauth_/;
var COUNTED = /^(web|track)_/;
var TRACKED = /^track_/;
var NOBODY = "web_";
var subscription = (pipes) => ["subscription", ...pipes].join("\n");
function say(pipe, event, message) {
  const payload = JSON.stringify(message);
  const name = typeof pipe === "string" ? pipe.replace(/^@/, "") : void 0;
  if (!isPipe(name) || !SPEAKING.test(pipe) || !isEvent(event) || payload === void 0) {
    return void 0;
  }
  const text = ["web_pipe2", pipe, event, "*", payload].join("\n");
  return { text, said: { pipe: name, event, payload, anonymous: pipe !== name } };
}
function history(pipe, marker2) {
  return isPipe(pipe) ? { text: `pipe_log
${pipe}
${marker2}
`, history: marker2 } : void 0;
}
function count(pipe, marker2) {
  return isPipe(pipe) && COUNTED.test(pipe) ? { text: `pipe_count
${pipe}
${marker2}
`, marker: marker2 } : void 0;
}
var echo = (marker2) => `pipe_count
${NOBODY}
${marker2}
`;
function users(pipe, marker2) {
  return isPipe(pipe) && TRACKED.test(pipe) ? { text: `track_pipe_users
${pipe}
${marker2}`, marker: marker2 } : void 0;
}
function userData(userId, marker2) {
  return /^[0-9]{1,10}$/.test(userId) ? { text: `user_data
${marker2}
${userId}`, marker: marker2 } : void 0;
}
var statistics = (about) => ({ text: `statistics
${JSON.stringify(about)}` });

// src/decoding.js
var COUNT = "_answer_pipe_count";
var ESCAPES = { 0: "\0", n: "\n", r: "\r", Z: "" };
function messages(frame) {
  return String(frame).split("\n").map(parse).filter((message) => typeof message === "object" && message !== null && message.data !== void 0);
}
function decode(message, escaped = false) {
  const { pipe, event, user_id = 0, marker: marker2, uuid, message_send_time, fromQueue = false } = message;
  const history2 = message.history === true || fromQueue && pipe !== void 0 && pipe !== PRIVATE;
  const server_info = { user_id, pipe, event, history: history2, marker: marker2, uuid, message_send_time, fromQueue };
  return { data: body(message, escaped), server_info };
}
function body({ data, pipe }, escaped) {
  if (pipe === COUNT && Array.isArray(data)) {
    return { [data[0]]: data[1] };
  }
  if (typeof data !== "string") {
    return data;
  }
  const value = exact(data);
  if (value !== void 0 || !escaped) {
    return value === void 0 ? data : value;
  }
  const text = data.replace(/\\(.)/gs, (_, character) => ESCAPES[character] ?? character);
  const unescaped = exact(text);
  return unescaped === void 0 ? text : unescaped;
}
function exact(text) {
  const value = parse(text);
  return typeof value === "number" && String(value) !== text.trim() ? void 0 : value;
}
function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return void 0;
  }
}

// src/identity.js
var ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
var DIGITS = "0123456789";
var UUID_LENGTH = 32;
var STORED_UUID = "comet_server_uuid";
var VERSION = "5.0";
function random(length, alphabet = ALPHABET) {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join("");
}
var marker = () => random(10, DIGITS);
function browserUuid(storage2) {
  const uuid = random(UUID_LENGTH);
  try {
    const stored = storage2?.getItem(STORED_UUID);
    if (stored) {
      return stored;
    }
    storage2?.setItem(STORED_UUID, uuid);
  } catch {
  }
  return uuid;
}
function nodesOf({ node, nodes, roundrobin, user_id }) {
  const all = [nodes ?? node ?? []].flat().filter((name) => typeof name === "string" && name !== "");
  if (!roundrobin || all.length < 2) {
    return all;
  }
  const number = Number.parseInt(user_id, 10) || Math.floor(Math.random() * all.length);
  return [all[number % all.length]];
}
function addressOf(node, { dev_id = 0, user_id, user_key, uuid }, secure) {
  const part = (value) => String(value ?? "undefined").replace(/[^\w.~!$'()*+,:;@=-]/gu, encodeURIComponent);
  const who = `sesion=${part(user_key)}&myid=${part(user_id)}&devid=${part(dev_id)}`;
  return `${secure ? "wss" : "ws"}://${node}/ws/${who}&v=${VERSION}&uuid=${part(uuid)}&api=js`;
}
function fingerprint(text) {
  let [low, high] = [2166136261, 3421674724];
  for (const character of text) {
    const code = character.codePointAt(0);
    low = Math.imul(low ^ code, 16777619);
    high = Math.imul(high ^ code ^ low >>> 16, 16777619);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

// src/connection.js
var FIRST_DELAY = 1e3;
var LONGEST_DELAY = 3e4;
var GOOD_AFTER = 1e4;
var GREETING_LIMIT = 15e3;
var ECHO_LIMIT = 1e4;
var GOING_AWAY = 1001;
var Connection = class {
  #address;
  #environment;
  #handlers;
  #log;
  #socket = null;
  /** Whether the handlers take it for open. */
  #told = false;
  /** When the server's first word came, in milliseconds; 0 before. */
  #greeted = 0;
  #failures = 0;
  #timer;
  #wanted = false;
  #pipes = [];
  /** Marks the question whether the server is still there. */
  #echo = marker();
  /**
   * @param address of the WebSocket; it is never logged
   * @param environment where the WebSocket comes from and the network's return is heard of
   * @param handlers `onMessage(message)`, and `onState(isOpen)` when that changes
   */
  constructor(address, environment, handlers, log) {
    this.#address = address;
    this.#environment = environment;
    this.#handlers = handlers;
    this.#log = log;
  }
  get isOpen() {
    return this.#socket?.readyState === 1;
  }
  open() {
    this.#wanted = true;
    this.#failures = 0;
    this.#environment.listen?.("online", this.#onOnline);
    this.#connect();
  }
  close() {
    this.#wanted = false;
    this.#environment.unlisten?.("online", this.#onOnline);
    this.#drop();
  }
  /** Another connection instead of this one, without waiting for the end of this one. */
  restart() {
    this.#drop();
    this.open();
  }
  /** The pipes to be in from now on, also after it has come back. */
  subscribe(pipes) {
    const changed = pipes.join() !== this.#pipes.join();
    this.#pipes = pipes;
    if (changed && this.isOpen) {
      this.#socket.send(subscription(pipes));
    }
  }
  /** Whether the text is on its way. */
  send(text) {
    if (this.isOpen) {
      this.#socket.send(text);
    }
    return this.isOpen;
  }
  #connect() {
    clearTimeout(this.#timer);
    this.#log.write(2, "connecting");
    this.#greeted = 0;
    const socket = this.#makeSocket();
    this.#socket = socket;
    if (socket === null) {
      this.#wanted = false;
      return;
    }
    const heard = (handler) => (event) => socket === this.#socket && handler(event);
    socket.onopen = heard(() => this.#onOpen());
    socket.onmessage = heard(({ data }) => this.#onFrame(data));
    socket.onclose = heard((event) => this.#onClose(event));
    socket.onerror = () => {
    };
    this.#expectWord(GREETING_LIMIT);
  }
  #makeSocket() {
    try {
      return new this.#environment.WebSocket(this.#address);
    } catch (error) {
      this.#log.write(1, `no WebSocket can be made for this node: ${error.name}`);
      return null;
    }
  }
  /** Gives the connection up unless something comes. */
  #expectWord(limit) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#log.write(2, "the server does not answer");
      this.#drop();
      this.#retry();
    }, limit);
  }
  #onOpen() {
    this.#log.write(2, "connected");
    if (this.#pipes.length > 0) {
      this.#socket.send(subscription(this.#pipes));
    }
    this.#told = true;
    this.#handlers.onState(true);
  }
  #onFrame(frame) {
    clearTimeout(this.#timer);
    this.#greeted ||= Date.now();
    for (const message of messages(frame)) {
      if (isRefusal(message)) {
        this.#log.write(1, `the server refuses the connection: ${message.data.error ?? message.error}`);
        this.#wanted = false;
      }
      if (message.marker !== this.#echo) {
        this.#handlers.onMessage(message);
      }
    }
  }
  #onClose({ wasClean, code }) {
    this.#drop();
    this.#log.write(2, "connection lost");
    this.#wanted &&= !wasClean || code === GOING_AWAY;
    if (this.#wanted) {
      this.#retry();
    }
  }
  #retry() {
    this.#failures += 1;
    const most = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (this.#failures - 1));
    this.#timer = setTimeout(() => this.#connect(), Math.random() * most);
  }
  /** Leaves the socket to itself. */
  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (this.#greeted > 0 && Date.now() - this.#greeted > GOOD_AFTER) {
      this.#failures = 0;
    }
    this.#socket = null;
    this.#greeted = 0;
    socket?.close();
    if (this.#told) {
      this.#told = false;
      this.#handlers.onState(false);
    }
  }
  #onOnline = () => {
    if (!this.#wanted) {
      return;
    }
    if (this.isOpen) {
      this.#socket.send(echo(this.#echo));
      this.#expectWord(ECHO_LIMIT);
    } else {
      this.#failures = 0;
      this.#drop();
      this.#connect();
    }
  };
};
function isRefusal({ pipe, event, data, error }) {
  return error > 400 || pipe === SYSTEM && event === "error" && data?.error_code > 400;
}

// src/connections.js
var Connections = class {
  #all;
  /** @param handlers `onMessage(message)`, and `onState(isOpen)` when the first is open or the last is not */
  constructor(addresses, environment, handlers, log) {
    let open = 0;
    const onState = (isOpen) => {
      open += isOpen ? 1 : -1;
      if (open === (isOpen ? 1 : 0)) {
        handlers.onState(isOpen);
      }
    };
    const each = { onMessage: handlers.onMessage, onState };
    this.#all = addresses.map((address) => new Connection(address, environment, each, log));
  }
  /** Nobody else has them. */
  get isMaster() {
    return true;
  }
  open() {
    this.#all.forEach((connection) => connection.open());
  }
  close() {
    this.#all.forEach((connection) => connection.close());
  }
  restart() {
    this.#all.forEach((connection) => connection.restart());
  }
  subscribe(pipes) {
    this.#all.forEach((connection) => connection.subscribe(pipes));
  }
  /** Whether the command is on its way to a node. */
  send({ text }) {
    return this.#all.map((connection) => connection.send(text)).includes(true);
  }
};

// src/environment.js
function browser() {
  const isPage = typeof document !== "undefined";
  return {
    WebSocket: globalThis.WebSocket,
    BroadcastChannel: isPage ? globalThis.BroadcastChannel : void 0,
    locks: isPage ? globalThis.navigator?.locks : void 0,
    storage: isPage ? storage() : void 0,
    page: globalThis.location?.href,
    listen: globalThis.addEventListener?.bind(globalThis),
    unlisten: globalThis.removeEventListener?.bind(globalThis)
  };
}
function storage() {
  try {
    return globalThis.localStorage;
  } catch {
    return void 0;
  }
}

// src/log.js
var Log = class {
  /** 0: nothing; 1: what the page does wrong and the server refuses; 2: the connection as well; 3: each message as well. */
  level = 1;
  write(level, text) {
    if (level <= this.level) {
      console[level === 1 ? "warn" : "debug"](`CometServerApi: ${text}`);
    }
  }
};

// src/questions.js
var MAX_QUESTIONS = 1e3;
var Questions = class {
  #waiting = /* @__PURE__ */ new Map();
  /** The marker of a question whose answer the callback gets. */
  ask(callback) {
    const question = marker();
    this.#waiting.set(question, callback);
    if (this.#waiting.size > MAX_QUESTIONS) {
      const [oldest] = this.#waiting.keys();
      this.#waiting.delete(oldest);
    }
    return question;
  }
  /** The callback of an answer, once. */
  take(question) {
    const callback = this.#waiting.get(question);
    this.#waiting.delete(question);
    return callback;
  }
};

// src/repetitions.js
var MEMORY = 18e4;
var MAX_IDS = 1e4;
var Repetitions = class {
  #recent = /* @__PURE__ */ new Set();
  #older = /* @__PURE__ */ new Set();
  #since = 0;
  /** Whether a message with this id was there before. */
  isRepeated(id, now = Date.now()) {
    if (now - this.#since > MEMORY || this.#recent.size >= MAX_IDS) {
      this.#older = now - this.#since > 2 * MEMORY ? /* @__PURE__ */ new Set() : this.#recent;
      this.#recent = /* @__PURE__ */ new Set();
      this.#since = now;
    }
    const repeated = this.#recent.has(id) || this.#older.has(id);
    this.#recent.add(id);
    return repeated;
  }
};

// src/subscriptions.js
var Subscriptions = class {
  /** id -> { names: [{ key, pipe }], callback } */
  #all = /* @__PURE__ */ new Map();
  #lastId = 0;
  /** Adds a listener to names with a newline between them; its id, or undefined if one of them is no name. */
  add(text, callback) {
    const lines = text.includes("\n") ? text.split("\n").filter((line) => line !== "") : [text];
    const names = lines.map(parseName);
    if (names.length === 0 || names.includes(void 0)) {
      return void 0;
    }
    this.#lastId += 1;
    this.#all.set(this.#lastId, { names, callback });
    return this.#lastId;
  }
  /** The id of this very listener to this name. */
  find(name, callback) {
    const key = parseName(name)?.key;
    const found = [...this.#all].find(
      ([, other]) => other.callback === callback && other.names.some((it) => it.key === key)
    );
    return found?.[0];
  }
  remove(id) {
    return this.#all.delete(id);
  }
  clear() {
    this.#all.clear();
  }
  /** The pipes that the server must be told of. */
  pipes() {
    const names = [...this.#all.values()].flatMap(({ names: names2 }) => names2);
    return [...new Set(names.map(({ pipe }) => pipe).filter((pipe) => pipe !== null))].sort();
  }
  /** Those who listen to an event, in the order in which they are called. */
  listeners({ server_info: { pipe = PRIVATE, event, marker: marker2 } }) {
    const keys = marker2 === void 0 ? [pipe, `${pipe}.${event}`, EVERYTHING] : [EVERYTHING];
    const all = [...this.#all.values()];
    return keys.flatMap(
      (key) => all.filter(({ names }) => names.some((name) => name.key === key)).map(({ callback }) => callback)
    );
  }
};

// src/routes.js
var MAX_WAITING = 1e3;
var ALL = /* @__PURE__ */ Symbol("all tabs");
var NONE = /* @__PURE__ */ Symbol("no tab");
var Routes = class {
  /** { tab, marker } of questions, { tab, pipe, payload } of what was said */
  #waiting = [];
  /** { tab, marker } of questions for histories, whose answers come one after the other. */
  #histories = [];
  /** Notes a command that is on its way; what must follow it, if anything must. */
  sent(tab, { marker: marker2, said, history: history2 }) {
    if (history2 !== void 0) {
      this.#histories.push({ tab, marker: history2 });
      return echo(history2);
    }
    if (marker2 !== void 0 || said !== void 0) {
      this.#waiting.push({ tab, marker: marker2, ...said });
      this.#waiting.splice(0, this.#waiting.length - MAX_WAITING);
    }
    return void 0;
  }
  /** The tab that a message is for, or ALL, or NONE. */
  receiver(message) {
    const { pipe, marker: marker2, fromQueue, data } = message;
    if (marker2 !== void 0 && marker2 === this.#histories[0]?.marker) {
      this.#histories.shift();
      return NONE;
    }
    if (fromQueue && pipe !== PRIVATE) {
      return this.#histories[0]?.tab ?? ALL;
    }
    if (marker2 !== void 0) {
      return this.#take((waiting) => waiting.marker === marker2);
    }
    if (pipe?.startsWith(ANSWER_TO)) {
      const about = pipe.slice(ANSWER_TO.length);
      return this.#take((waiting) => waiting.pipe === about && waiting.payload === data?.message);
    }
    return ALL;
  }
  /** The connection is gone, and with it all answers. */
  clear() {
    this.#waiting = [];
    this.#histories = [];
  }
  #take(isIt) {
    const index = this.#waiting.findIndex(isIt);
    return index < 0 ? ALL : this.#waiting.splice(index, 1)[0].tab;
  }
};

// src/tabs.js
var MASTER = "master";
var EVERYBODY = "everybody";
var SharedConnection = class {
  #group;
  #tab;
  #userId;
  #environment;
  #makeConnection;
  #handlers;
  #channel;
  #leaving = new AbortController();
  #release;
  #pipes = [];
  /** Whether the master notices when this tab goes. */
  #isWatched = false;
  /** What the master has said of the connection. */
  #isOpen = false;
  // The master's alone:
  #connection = null;
  #members = /* @__PURE__ */ new Map();
  #routes = new Routes();
  #greeting = null;
  /**
   * @param group what tabs have in common that share
   * @param tab this tab's name
   * @param userId whom the tabs are, if the server agrees
   * @param makeConnection (handlers) -> Connections, not open yet
   * @param handlers `onMessage(message)`, `onState(isOpen)`, `onUnsent(command)`
   */
  constructor({ group, tab, userId, environment, makeConnection, handlers }) {
    this.#group = `cometApi ${group}`;
    this.#tab = tab;
    this.#userId = userId;
    this.#environment = environment;
    this.#makeConnection = makeConnection;
    this.#handlers = handlers;
  }
  get isMaster() {
    return this.#connection !== null;
  }
  open() {
    this.#channel = new this.#environment.BroadcastChannel(this.#group);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    const held = new Promise((release) => this.#release = release);
    const { signal } = this.#leaving;
    const { locks } = this.#environment;
    const own = locks.request(this.#lockOf(this.#tab), { signal }, () => {
      this.#isWatched = true;
      this.#join();
      return held;
    });
    const master = locks.request(this.#group, { signal }, () => {
      this.#lead();
      return held;
    });
    own.catch(() => {
    });
    master.catch(() => signal.aborted || this.#lead());
  }
  close() {
    this.#leaving.abort();
    this.#release();
    this.#connection?.close();
    this.#connection = null;
    this.#channel.onmessage = null;
    this.#channel.close();
  }
  restart() {
    if (this.isMaster) {
      this.#connection.restart();
    } else {
      this.#post(MASTER, { restart: true });
    }
  }
  subscribe(pipes) {
    this.#pipes = pipes;
    if (this.isMaster) {
      this.#subscribe(this.#tab, pipes);
    } else {
      this.#join();
    }
  }
  /** Whether the command is on its way. */
  send(command) {
    if (this.isMaster) {
      return this.#carry(this.#tab, command);
    }
    if (this.#isOpen) {
      this.#post(MASTER, { command });
    }
    return this.#isOpen;
  }
  #lockOf = (tab) => `${this.#group} ${tab}`;
  #post(to, what) {
    this.#channel.postMessage({ from: this.#tab, to, ...what });
  }
  #join() {
    if (this.#isWatched) {
      this.#post(MASTER, { pipes: this.#pipes });
    }
  }
  #hear({ from, to, ...what }) {
    if (this.isMaster && to === MASTER) {
      this.#serve(from, what);
    } else if (!this.isMaster && [this.#tab, EVERYBODY].includes(to)) {
      this.#obey(what);
    }
  }
  /** Takes in what the master says. */
  #obey({ isNew, isOpen, message, unsent }) {
    if (isNew) {
      this.#join();
    }
    if (message !== void 0) {
      this.#handlers.onMessage(message);
    }
    if (unsent !== void 0) {
      this.#handlers.onUnsent(unsent);
    }
    if (isOpen !== void 0) {
      this.#setOpen(isOpen);
    }
  }
  #setOpen(isOpen) {
    if (isOpen !== this.#isOpen) {
      this.#isOpen = isOpen;
      this.#handlers.onState(isOpen);
    }
  }
  /** Becomes the tab that has the connection. */
  #lead() {
    if (this.#leaving.signal.aborted) {
      return;
    }
    this.#setOpen(false);
    this.#connection = this.#makeConnection({
      onMessage: (message) => this.#distribute(message),
      onState: (isOpen) => this.#onState(isOpen)
    });
    this.#subscribe(this.#tab, this.#pipes);
    this.#connection.open();
    this.#post(EVERYBODY, { isNew: true, isOpen: false });
  }
  /** Does what another tab asks for. */
  #serve(tab, { pipes, command, restart }) {
    if (pipes !== void 0) {
      if (!this.#members.has(tab)) {
        this.#welcome(tab);
      }
      this.#subscribe(tab, pipes);
    }
    if (command !== void 0 && !this.#carry(tab, command)) {
      this.#post(tab, { unsent: command });
    }
    if (restart) {
      this.#connection.restart();
    }
  }
  #welcome(tab) {
    const { signal } = this.#leaving;
    const gone = this.#environment.locks.request(this.#lockOf(tab), { signal }, () => {
      this.#members.delete(tab);
      this.#connection?.subscribe(this.#allPipes());
    });
    gone.catch(() => {
    });
    this.#post(tab, { isOpen: this.#isOpen, message: this.#greeting ?? void 0 });
  }
  #subscribe(tab, pipes) {
    this.#members.set(tab, pipes);
    this.#connection.subscribe(this.#allPipes());
  }
  #allPipes() {
    return [...new Set([...this.#members.values()].flat())].sort();
  }
  #carry(tab, command) {
    if (!this.#connection.send(command)) {
      return false;
    }
    const next = this.#routes.sent(tab, command);
    if (next !== void 0) {
      this.#connection.send({ text: next });
    }
    if (command.said !== void 0) {
      this.#tellOthers(tab, command.said);
    }
    return true;
  }
  /** The server sends nothing back to the connection that it came from; the other tabs hear it all the same. */
  #tellOthers(tab, { pipe, event, payload, anonymous }) {
    const isKnown = this.#greeting?.authorized === true;
    if (pipe.startsWith("webauth_") && !anonymous && !isKnown) {
      return;
    }
    const user_id = isKnown && !anonymous ? this.#userId : 0;
    const message_send_time = Math.floor(Date.now() / 1e3);
    const message = { data: payload, event, message_send_time, pipe, user_id };
    for (const member of this.#members.keys()) {
      if (member !== tab) {
        this.#give(member, message);
      }
    }
  }
  #give(tab, message) {
    if (tab === this.#tab) {
      this.#handlers.onMessage(message);
    } else {
      this.#post(tab, { message });
    }
  }
  #distribute(message) {
    if (message.pipe === SYSTEM && message.event === "serverInfo") {
      this.#greeting = message;
    }
    const receiver = this.#routes.receiver(message);
    if (receiver === ALL) {
      this.#post(EVERYBODY, { message });
      this.#handlers.onMessage(message);
    } else if (receiver !== NONE) {
      this.#give(receiver, message);
    }
  }
  #onState(isOpen) {
    this.#routes.clear();
    this.#post(EVERYBODY, { isOpen });
    this.#setOpen(isOpen);
  }
};

// src/CometServerApi.js
var MAX_QUEUED = 500;
var COLLECTING = 20;
var CometServerApi = class {
  #environment;
  #options = {};
  #log = new Log();
  #tab = random(16);
  #uuid;
  #subscriptions = new Subscriptions();
  #questions = new Questions();
  #repetitions = new Repetitions();
  #queue = [];
  #repeats = /* @__PURE__ */ new Set();
  /** Connections or SharedConnection. */
  #wire = null;
  /** What #wire is for. */
  #addresses = [];
  #collecting;
  #isOpen = false;
  #isCppComet = false;
  #authorized;
  #realKey;
  #onGreeting = [];
  #onAuth = { true: [], false: [] };
  constructor(environment = {}) {
    this.#environment = { ...browser(), ...environment };
    this.#uuid = browserUuid(this.#environment.storage);
  }
  start(options = {}, callback) {
    Object.assign(this.#options, options);
    if (typeof callback === "function") {
      this.#onGreeting.push(callback);
    }
    this.#connect();
  }
  restart(options = {}) {
    this.start(options);
  }
  stop() {
    this.#wire?.close();
    this.#wire = null;
    this.#addresses = [];
    this.#isOpen = false;
    this.#repeats.forEach(clearInterval);
    this.#repeats.clear();
  }
  subscription(name, callback) {
    const [names, listener] = typeof name === "function" ? ["", name] : [name, callback];
    if (typeof names !== "string" || typeof listener !== "function") {
      this.#refuse("subscription", "it takes a name and a function");
      return false;
    }
    const id = this.#subscriptions.add(names, listener);
    if (id === void 0) {
      this.#refuse("subscription", `no name of a pipe: ${names}`);
      return false;
    }
    this.#collect();
    return id;
  }
  unsubscription(id) {
    const removed = this.#subscriptions.remove(id);
    this.#collect();
    return removed;
  }
  unsubscriptionAll() {
    this.#subscriptions.clear();
    this.#collect();
  }
  web_pipe_send(pipe, event, message) {
    const call = spoken(pipe, event, message, arguments.length);
    return this.#command("web_pipe_send", say(call.pipe, call.event, call.message));
  }
  multi_web_pipe_send(pipe, event, message, count2 = 3, interval = 1e3) {
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      return this.#refuse("multi_web_pipe_send", "the message must be an object");
    }
    const marked = { ...message, _cometApi_uuid: `jsapi${random(11)}` };
    const command = say(pipe, event, marked);
    const sent = this.#command("multi_web_pipe_send", command);
    let left = sent === void 0 ? 0 : count2 - 1;
    if (left > 0) {
      const repeat = setInterval(() => {
        this.#command("multi_web_pipe_send", command);
        left -= 1;
        if (left <= 0) {
          clearInterval(repeat);
          this.#repeats.delete(repeat);
        }
      }, interval);
      this.#repeats.add(repeat);
    }
    return sent;
  }
  get_pipe_log(pipe, callback) {
    if (typeof callback === "function" && this.#subscriptions.find(String(pipe), callback) === void 0) {
      this.subscription(pipe, callback);
    }
    return this.#command("get_pipe_log", history(pipe, marker()));
  }
  count_users_in_pipe(pipe, callback) {
    return this.#ask("count_users_in_pipe", callback, (marker2) => count(pipe, marker2));
  }
  getTrackPipeUsers(pipe, callback) {
    return this.#ask("getTrackPipeUsers", callback, (marker2) => users(pipe, marker2));
  }
  getUserData(userId, callback) {
    return this.#ask("getUserData", callback, (marker2) => userData(userId, marker2));
  }
  sendStatistics(name, version, data) {
    const { dev_id = 0 } = this.#options;
    const about = { url: this.#environment.page, dev_id, version: VERSION, plugin: { name, version, data } };
    return this.#command("sendStatistics", statistics(about));
  }
  onAuthSuccess(callback) {
    this.#onAuth.true.push(callback);
  }
  onAuthFalill(callback) {
    this.#onAuth.false.push(callback);
  }
  isAuthorized() {
    return this.#authorized;
  }
  isMaster() {
    return this.#wire?.isMaster ?? false;
  }
  isConnected() {
    return this.#isOpen;
  }
  getUserId() {
    return this.#options.user_id;
  }
  getUserKey() {
    return this.#options.user_key;
  }
  getRealUserKey() {
    return this.#realKey;
  }
  getDevId() {
    return this.#options.dev_id ?? 0;
  }
  getUUID() {
    return this.#options.uuid ?? this.#uuid;
  }
  getTabUUID() {
    return this.#tab;
  }
  UseWebSocket() {
    return true;
  }
  UseWss(use) {
    if (typeof use === "boolean") {
      this.#options.wss = use;
    }
    return this.isUseWss();
  }
  isUseWss() {
    return this.#options.wss ?? this.#environment.page?.startsWith("https:") ?? false;
  }
  getLogLevel() {
    return this.#log.level;
  }
  setLogLevel(level) {
    this.#log.level = Number(level) || 0;
  }
  #connect() {
    const nodes = nodesOf(this.#options);
    if (nodes.length === 0) {
      this.#refuse("start", "option node says where the server is");
      return;
    }
    const secure = this.isUseWss();
    const options = { ...this.#options, uuid: this.getUUID() };
    const addresses = nodes.map((node) => addressOf(node, options, secure));
    if (this.#wire !== null && addresses.join() === this.#addresses.join()) {
      this.#wire.restart();
      return;
    }
    const wire = this.#wire;
    this.#authorized = void 0;
    this.#isOpen = false;
    this.#addresses = addresses;
    this.#wire = this.#makeWire(addresses);
    wire?.close();
    this.#wire.open();
    this.#wire.subscribe(this.#subscriptions.pipes());
  }
  #makeWire(addresses) {
    const environment = this.#environment;
    const current = (handler) => (what) => wire === this.#wire && handler(what);
    const handlers = {
      onMessage: current((message) => this.#receive(message)),
      onState: current((isOpen) => this.#setOpen(isOpen)),
      onUnsent: current((command) => this.#enqueue(command))
    };
    const makeConnection = (handlers2) => new Connections(addresses, environment, handlers2, this.#log);
    const { share = true, user_id } = this.#options;
    const userId = Number.parseInt(user_id, 10) || 0;
    const shares = share && addresses.length === 1 && environment.BroadcastChannel && environment.locks;
    const group = fingerprint(addresses.join());
    const wire = shares ? new SharedConnection({ group, tab: this.#tab, userId, environment, makeConnection, handlers }) : makeConnection(handlers);
    return wire;
  }
  #setOpen(isOpen) {
    this.#isOpen = isOpen;
    while (isOpen && this.#queue.length > 0 && this.#wire.send(this.#queue[0])) {
      this.#queue.shift();
    }
  }
  #refuse(name, why) {
    this.#log.write(1, `${name}: ${why}`);
  }
  /** Sends now (true), or when there is a connection (false); undefined if it cannot be. */
  #command(name, command) {
    if (command === void 0) {
      return this.#refuse(name, "a wrong pipe, event, message or user");
    }
    this.#tellPipes();
    return this.#wire?.send(command) || this.#enqueue(command);
  }
  #enqueue(command) {
    if (this.#queue.length >= MAX_QUEUED) {
      return this.#refuse("queue", `${MAX_QUEUED} commands wait for a connection, no more can`);
    }
    this.#queue.push(command);
    return false;
  }
  #ask(name, callback, command) {
    if (typeof callback !== "function") {
      return this.#refuse(name, "it takes a function for the answer");
    }
    const marker2 = this.#questions.ask(callback);
    const sent = this.#command(name, command(marker2));
    if (sent === void 0) {
      this.#questions.take(marker2);
    }
    return sent;
  }
  #collect() {
    this.#collecting ??= setTimeout(() => this.#tellPipes(), COLLECTING);
  }
  #tellPipes() {
    clearTimeout(this.#collecting);
    if (this.#collecting !== void 0) {
      this.#collecting = void 0;
      this.#wire?.subscribe(this.#subscriptions.pipes());
    }
  }
  #receive(message) {
    this.#log.write(3, `received ${message.pipe} ${message.event}`);
    if (message.pipe === SYSTEM && message.event === "serverInfo") {
      this.#greet(message);
      return;
    }
    const event = decode(message, this.#isCppComet);
    if (this.#isRepeated(message, event.data)) {
      return;
    }
    if (message.pipe === SYSTEM && message.event === "error") {
      this.#log.write(1, `the server says: ${event.data?.error}`);
    }
    const answer = this.#questions.take(message.marker);
    [answer, ...this.#subscriptions.listeners(event)].forEach((callback) => callback && run(callback, event));
  }
  #isRepeated({ uuid }, data) {
    const own = typeof data === "object" ? data?._cometApi_uuid : void 0;
    if (own !== void 0) {
      delete data._cometApi_uuid;
    }
    return [uuid, own].some((id) => id !== void 0 && this.#repetitions.isRepeated(id));
  }
  #greet({ authorized, data, server }) {
    const isAuthorized = authorized === true || authorized === "true";
    const changed = isAuthorized !== this.#authorized;
    this.#authorized = isAuthorized;
    this.#isCppComet = String(server).startsWith("CppComet");
    this.#realKey = isAuthorized ? String(data).replace(" ", "_") : void 0;
    this.#onGreeting.splice(0).forEach((callback) => run(callback));
    if (changed) {
      this.#onAuth[isAuthorized].forEach((callback) => run(callback));
    }
  }
};
function spoken(pipe, event, message, count2) {
  if (count2 !== 2) {
    return { pipe, event, message };
  }
  const [name, ending = ""] = String(pipe).split(/\.(.*)/s);
  return { pipe: name, event: ending, message: event };
}
var cometApi = new CometServerApi();
var CometServerApi_default = cometApi;
export {
  CometServerApi,
  cometApi,
  CometServerApi_default as default
};
