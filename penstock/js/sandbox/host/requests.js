// `http` and `https` as modules know them, over the one way out: a request is gathered and sent whole, and its answer
// comes whole. There is no connection, so what is said about one is heard and has no effect.
import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { Readable, Writable } from "node:stream";

// The outside is asked for plain content, and the length is that of what comes.
const UNTOLD = new Set(["content-encoding", "content-length", "transfer-encoding"]);

class Socket extends EventEmitter {
  connecting = false;
  encrypted = true;
  authorized = true;
  destroyed = false;
  readable = true;
  writable = true;
}
for (const name of ["setTimeout", "setNoDelay", "setKeepAlive", "ref", "unref", "destroy", "end", "cork", "uncork"]) {
  Socket.prototype[name] = function () {
    return this;
  };
}

class IncomingMessage extends Readable {
  httpVersion = "1.1";
  httpVersionMajor = 1;
  httpVersionMinor = 1;
  complete = true;
  aborted = false;
  headers = {};
  rawHeaders = [];
  trailers = {};
  rawTrailers = [];
  constructor(answer, socket) {
    super();
    this.socket = this.connection = socket;
    this.statusCode = answer.status;
    this.statusMessage = answer.statusText ?? "";
    for (const [given, value] of answer.headers ?? []) {
      const name = String(given).toLowerCase();
      if (UNTOLD.has(name)) continue;
      this.rawHeaders.push(given, value);
      if (name === "set-cookie") (this.headers[name] ??= []).push(value);
      else this.headers[name] = name in this.headers ? `${this.headers[name]}, ${value}` : value;
    }
    const body = Buffer.from(answer.body ?? "", "base64");
    this.headers["content-length"] = String(body.length);
    this.push(body);
    this.push(null);
  }
  _read() {}
  setTimeout() {
    return this;
  }
}

class Agent extends EventEmitter {
  constructor(options = {}) {
    super();
    this.options = { ...options };
    Object.assign(this, { maxSockets: Infinity, maxFreeSockets: 256, keepAlive: false, sockets: {}, requests: {} }, options);
  }
  destroy() {}
}

// What `request(url, options, answered)` and `request(options, answered)` mean.
function read(scheme, url, options, answered) {
  if (typeof url !== "string" && !(url instanceof URL)) {
    [url, options, answered] = [undefined, url, options];
  }
  if (typeof options === "function") [options, answered] = [{}, options];
  options ??= {};
  const base = url === undefined ? undefined : new URL(url);
  const protocol = options.protocol ?? base?.protocol ?? `${scheme}:`;
  const given = String(options.hostname ?? options.host ?? base?.hostname ?? "localhost");
  const host = given.includes(":") && !given.startsWith("[") ? `[${given}]` : given;
  const port = Number(options.port ?? base?.port) === { "http:": 80, "https:": 443 }[protocol] ? "" : options.port ?? base?.port;
  const path = String(options.path ?? (base ? base.pathname + base.search : "/"));
  const address = `${protocol}//${host}${port ? `:${port}` : ""}${path.startsWith("/") ? path : `/${path}`}`;
  const user = options.auth ?? (base?.username ? `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}` : "");
  return [address, { ...options, path, host, auth: user }, answered];
}

class ClientRequest extends Writable {
  aborted = false;
  finished = false;
  reusedSocket = false;
  maxHeadersCount = null;
  #headers = new Map();
  #chunks = [];
  #ask;
  #address;
  #milliseconds = 0;
  #within = AsyncLocalStorage.snapshot();
  constructor(ask, scheme, ...given) {
    // It is over when its answer is, not when all of it is written.
    super({ autoDestroy: false });
    const [address, options, answered] = read(scheme, ...given);
    this.#ask = ask;
    this.#address = address;
    this.method = String(options.method ?? "GET").toUpperCase();
    this.path = options.path;
    this.host = options.host;
    this.protocol = new URL(address).protocol;
    this.agent = options.agent;
    this.#milliseconds = Number(options.timeout) || 0;
    const headers = Array.isArray(options.headers) ? options.headers : Object.entries(options.headers ?? {});
    for (const [name, value] of headers) if (value !== undefined) this.setHeader(name, value);
    if (options.auth && !this.hasHeader("authorization")) {
      this.setHeader("Authorization", `Basic ${Buffer.from(options.auth).toString("base64")}`);
    }
    if (answered) this.once("response", answered);
    options.signal?.addEventListener("abort", () => this.destroy(), { once: true });
    this.socket = this.connection = new Socket();
    queueMicrotask(() => this.emit("socket", this.socket));
  }
  setHeader(name, value) {
    this.#headers.set(String(name).toLowerCase(), [String(name), value]);
    return this;
  }
  appendHeader(name, value) {
    const known = this.getHeader(name);
    return this.setHeader(name, known === undefined ? value : [known, value].flat());
  }
  getHeader(name) {
    return this.#headers.get(String(name).toLowerCase())?.[1];
  }
  getHeaders() {
    return Object.fromEntries([...this.#headers].map(([name, [, value]]) => [name, value]));
  }
  getHeaderNames() {
    return [...this.#headers.keys()];
  }
  getRawHeaderNames() {
    return [...this.#headers.values()].map(([name]) => name);
  }
  hasHeader(name) {
    return this.#headers.has(String(name).toLowerCase());
  }
  removeHeader(name) {
    this.#headers.delete(String(name).toLowerCase());
  }
  setTimeout(milliseconds, late) {
    this.#milliseconds = Number(milliseconds) || 0;
    if (late) this.once("timeout", late);
    return this;
  }
  flushHeaders() {}
  setNoDelay() {}
  setSocketKeepAlive() {}
  abort() {
    this.aborted = true;
    this.destroy();
  }
  _write(chunk, encoding, done) {
    this.#chunks.push(Buffer.from(chunk, encoding));
    done();
  }
  _final(done) {
    this.finished = true;
    // An answer may come long after the code that asked: it is still of the run that began the request.
    this.#within(() => this.#ask(this.#wish(), (answer) => this.#take(answer), (reason) => this.#fail(reason, "ECONNREFUSED")));
    done();
  }
  _destroy(error, done) {
    done(error ?? (this.res ? null : Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })));
  }
  #wish() {
    const skipped = new Set(["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect"]);
    const headers = [];
    for (const [name, [, value]] of this.#headers) {
      if (!skipped.has(name)) for (const each of [value].flat()) headers.push([name, String(each)]);
    }
    return {
      url: this.#address,
      method: this.method,
      headers,
      body: Buffer.concat(this.#chunks).toString("base64"),
      redirect: "manual",
      follow: 0,
      milliseconds: this.#milliseconds,
      size: 0,
    };
  }
  #take(answer) {
    if (this.destroyed) return;
    if (answer.error) {
      const { message, code } = answer.error;
      if (code === "ETIMEDOUT" && this.emit("timeout")) return;
      return this.#fail(message, code ?? "ECONNRESET");
    }
    const message = new IncomingMessage(answer, this.socket);
    message.req = this;
    this.res = message;
    message.once("close", () => this.destroy());
    // Nobody who listens: the body is let go, as there.
    if (!this.emit("response", message)) message.resume();
  }
  #fail(message, code) {
    this.destroy(Object.assign(new Error(message), { code, errno: code }));
  }
}

export function requestsOver(ask) {
  const of = (scheme) => {
    const request = (...given) => new ClientRequest(ask, scheme, ...given);
    const get = (...given) => {
      const made = request(...given);
      made.end();
      return made;
    };
    const { METHODS, STATUS_CODES } = process.getBuiltinModule("node:http");
    return { request, get, Agent, globalAgent: new Agent(), ClientRequest, IncomingMessage, METHODS, STATUS_CODES };
  };
  return { http: of("http"), https: of("https") };
}
