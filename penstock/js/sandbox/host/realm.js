// What a function finds around it. `furnish` is evaluated inside the realm of the function, so all that it makes is of
// that realm: nothing outside of its braces exists for it.

export function furnish(host, kind) {
  "use strict";
  const { parse, stringify } = JSON;
  const { Buffer, URL, URLSearchParams } = host.globals;
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  const named = (name, parent = Error) => ({
    [name]: class extends parent {
      constructor(message) {
        super(message);
        this.name = name;
      }
    },
  })[name];

  // Machine code of the function's own making has no use here.
  delete globalThis.WebAssembly;
  delete globalThis.SharedArrayBuffer;
  delete globalThis.Atomics;

  const errors = {};
  for (const name of ["EventNotSupported", "InvalidEventPayload", "ValidationError", "RetryError", "DropEvent"]) {
    errors[name] = named(name);
  }
  const FetchError = named("FetchError");
  const AbortError = named("AbortError");

  // ── console ──
  const console = {};
  for (const level of ["log", "info", "debug", "warn", "error", "trace", "dir", "table"]) {
    console[level] = (...values) => host.log(level, values);
  }
  for (const name of ["assert", "count", "group", "groupEnd", "time", "timeEnd", "timeLog"]) console[name] = () => {};

  // ── fetch, as node-fetch 2 has it ──
  const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
  class Headers {
    #values = new Map();
    constructor(given) {
      if (given === undefined || given === null) return;
      const pairs = typeof given[Symbol.iterator] === "function" ? given : Object.entries(given);
      for (const [name, value] of pairs) {
        for (const each of Array.isArray(value) ? value : [value]) this.append(name, each);
      }
    }
    append(name, value) {
      const key = String(name).toLowerCase();
      const text = String(value).trim();
      if (!HEADER_NAME.test(key)) throw new TypeError(`${name} is not a legal HTTP header name`);
      if (/[^\t\x20-\x7e\x80-\xff]/.test(text)) throw new TypeError(`${text} is not a legal HTTP header value`);
      if (this.#values.has(key)) this.#values.get(key).push(text);
      else this.#values.set(key, [text]);
    }
    set(name, value) {
      this.delete(name);
      this.append(name, value);
    }
    delete(name) {
      this.#values.delete(String(name).toLowerCase());
    }
    get(name) {
      const found = this.#values.get(String(name).toLowerCase());
      return found ? found.join(", ") : null;
    }
    has(name) {
      return this.#values.has(String(name).toLowerCase());
    }
    raw() {
      return Object.fromEntries([...this.#values].map(([name, values]) => [name, [...values]]));
    }
    forEach(work, self) {
      for (const [name, value] of this) work.call(self, value, name, this);
    }
    *entries() {
      for (const name of [...this.#values.keys()].sort()) yield [name, this.get(name)];
    }
    *keys() {
      for (const [name] of this) yield name;
    }
    *values() {
      for (const [, value] of this) yield value;
    }
    [Symbol.iterator]() {
      return this.entries();
    }
  }

  // Of the package form-data: what goes into a request with files or fields.
  class FormData {
    #boundary = `----------------------------${host.globals.crypto.randomBytes(12).toString("hex")}`;
    #parts = [];
    append(name, value, options = {}) {
      const given = typeof options === "string" ? { filename: options } : options;
      const file = given.filename ? `; filename="${given.filename}"` : "";
      const type = given.contentType ? `\r\nContent-Type: ${given.contentType}` : "";
      const head = `--${this.#boundary}\r\nContent-Disposition: form-data; name="${name}"${file}${type}\r\n\r\n`;
      this.#parts.push(Buffer.from(head), Buffer.isBuffer(value) ? value : Buffer.from(String(value)), Buffer.from("\r\n"));
    }
    getBoundary() {
      return this.#boundary;
    }
    getHeaders(others = {}) {
      return { "content-type": `multipart/form-data; boundary=${this.#boundary}`, ...others };
    }
    getBuffer() {
      return Buffer.concat([...this.#parts, Buffer.from(`--${this.#boundary}--\r\n`)]);
    }
    getLengthSync() {
      return this.getBuffer().length;
    }
  }

  function bytesOf(body) {
    if (body === undefined || body === null) return [null, ""];
    if (typeof body === "string") return [Buffer.from(body), "text/plain;charset=UTF-8"];
    if (body instanceof URLSearchParams) {
      return [Buffer.from(String(body)), "application/x-www-form-urlencoded;charset=UTF-8"];
    }
    if (body instanceof FormData) return [body.getBuffer(), body.getHeaders()["content-type"]];
    if (Buffer.isBuffer(body)) return [body, ""];
    if (ArrayBuffer.isView(body)) return [Buffer.from(body.buffer, body.byteOffset, body.byteLength), ""];
    if (Object.prototype.toString.call(body) === "[object ArrayBuffer]") return [Buffer.from(body), ""];
    return [Buffer.from(String(body)), "text/plain;charset=UTF-8"];
  }

  class Body {
    #bytes;
    bodyUsed = false;
    constructor(bytes) {
      this.#bytes = bytes;
    }
    get body() {
      return this.#bytes;
    }
    #taken() {
      if (this.bodyUsed) throw new TypeError(`body used already for: ${this.url}`);
      this.bodyUsed = true;
      return this.#bytes ?? Buffer.alloc(0);
    }
    async buffer() {
      return this.#taken();
    }
    async arrayBuffer() {
      const bytes = this.#taken();
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    }
    async text() {
      return this.#taken().toString();
    }
    async json() {
      const text = this.#taken().toString();
      try {
        return parse(text);
      } catch (error) {
        throw failure(`invalid json response body at ${this.url} reason: ${error.message}`, "invalid-json");
      }
    }
  }

  function failure(message, type, code) {
    const error = type === "aborted" ? new AbortError(message) : new FetchError(message);
    error.type = type;
    if (code) error.code = error.errno = code;
    return error;
  }

  class Request extends Body {
    constructor(input, init = {}) {
      const before = input instanceof Request ? input : undefined;
      const method = String(init.method ?? before?.method ?? "GET").toUpperCase();
      const given = init.body ?? before?.body;
      if (given != null && (method === "GET" || method === "HEAD")) {
        throw new TypeError("Request with GET/HEAD method cannot have body");
      }
      const [bytes, type] = bytesOf(given);
      super(bytes);
      this.method = method;
      this.url = before ? before.url : String(new URL(String(input?.href ?? input)));
      this.headers = new Headers(init.headers ?? before?.headers);
      if (type && !this.headers.has("content-type")) this.headers.set("content-type", type);
      this.redirect = init.redirect ?? before?.redirect ?? "follow";
      this.signal = init.signal ?? before?.signal ?? null;
      this.follow = init.follow ?? before?.follow ?? 20;
      this.timeout = init.timeout ?? before?.timeout ?? 0;
      this.size = init.size ?? before?.size ?? 0;
    }
    clone() {
      return new Request(this);
    }
  }

  class Response extends Body {
    constructor(body, init = {}) {
      super(bytesOf(body)[0]);
      this.status = init.status ?? 200;
      this.statusText = init.statusText ?? "";
      this.url = init.url ?? "";
      this.redirected = init.redirected ?? false;
      this.headers = new Headers(init.headers);
    }
    get ok() {
      return this.status >= 200 && this.status < 300;
    }
    clone() {
      return new Response(this.body, this);
    }
  }

  function fetch(input, init) {
    return new Promise((resolve, reject) => {
      let request;
      try {
        request = new Request(input, init);
      } catch (error) {
        return reject(error instanceof TypeError ? error : new TypeError("Only absolute URLs are supported"));
      }
      const aborted = () => reject(failure("The user aborted a request.", "aborted"));
      if (request.signal?.aborted) return aborted();
      request.signal?.addEventListener("abort", aborted);
      const wish = {
        url: request.url,
        method: request.method,
        headers: [...request.headers],
        body: request.body ? request.body.toString("base64") : "",
        redirect: String(request.redirect),
        follow: Number(request.follow) || 0,
        milliseconds: Number(request.timeout) || 0,
        size: Number(request.size) || 0,
      };
      const answered = (answer) => {
        if (answer.error) return reject(failure(answer.error.message, answer.error.type, answer.error.code));
        resolve(new Response(Buffer.from(answer.body, "base64"), answer));
      };
      host.fetch(wish, answered, (reason) => reject(failure(reason, "system", "ECONNREFUSED")));
    });
  }

  // ── cache: lives as long as the process ──
  const CACHE_LIMIT = 1000;
  const entries = new Map();
  const cache = {
    async load(key, milliseconds, make) {
      const [lifetime, work] = typeof milliseconds === "function" ? [-1, milliseconds] : [milliseconds, make];
      const known = entries.get(key);
      if (known && (known.until < 0 || known.until > Date.now())) return known.value;
      const entry = { until: -1, value: undefined };
      // Who asks at the same time waits for the same; what fails is not kept.
      entry.value = (async () => work())();
      entries.delete(key);
      entries.set(key, entry);
      if (entries.size > CACHE_LIMIT) entries.delete(entries.keys().next().value);
      try {
        const value = await entry.value;
        entry.until = lifetime === undefined || lifetime === null || lifetime < 0 ? -1 : Date.now() + lifetime;
        return value;
      } catch (error) {
        if (entries.get(key) === entry) entries.delete(key);
        throw error;
      }
    },
    delete(key) {
      entries.delete(key);
    },
  };

  // ── Segment: what a source function sends ──
  const COMMON = ["userId", "anonymousId", "context", "integrations", "timestamp", "messageId", "sentAt"];
  const CALLS = {
    identify: { fields: ["traits"], required: [] },
    track: { fields: ["event", "properties"], required: ["event"] },
    group: { fields: ["groupId", "traits"], required: ["groupId"], needsNobody: true },
    page: { fields: ["name", "category", "properties"], required: [] },
    screen: { fields: ["name", "category", "properties"], required: [] },
    alias: { fields: ["previousId"], required: ["previousId"] },
  };
  function need(given, name) {
    if (!given[name]) throw new errors.ValidationError(`${name} is required but not defined`);
  }
  function call(type, given, { fields, required, needsNobody }) {
    for (const name of required) need(given, name);
    if (!needsNobody && !given.userId && !given.anonymousId) {
      throw new errors.ValidationError("One of userId,anonymousId is required but not defined");
    }
    const message = { type };
    for (const name of [...COMMON, ...fields]) if (given[name]) message[name] = given[name];
    host.keep(stringify(message));
    return message;
  }
  const Segment = {};
  for (const [type, shape] of Object.entries(CALLS)) Segment[type] = (given = {}) => call(type, given, shape);
  Segment.set = (given = {}) => {
    need(given, "collection");
    need(given, "id");
    const { collection, id, properties } = given;
    const message = { type: "set", collection: String(collection).toLowerCase(), id, properties };
    host.keep(stringify(message));
    return message;
  };

  // ── the request to a source function ──
  function requestOf({ url, headers, body, isForm }) {
    let parsed;
    return {
      url: new URL(url),
      headers: new Headers(headers),
      body,
      text: () => body,
      json: () => (parsed ??= isForm ? Object.fromEntries(new URLSearchParams(body)) : parse(body)),
    };
  }

  // ── modules: made when first touched, and one of the function's own may take their place ──
  const nothing = () => {};
  const write = (text) => console.log(String(text).trimEnd());
  const later = (work, ...values) => host.globals.setTimeout(() => work(...values), 0);
  const process = {
    arch: "x64", argv: [], cwd: () => "/", emitWarning: nothing, env: {}, execArgv: [], exit: nothing, hrtime: hrtime,
    memoryUsage: () => ({ heapUsed: 0, rss: 0 }), off: nothing, on: nothing, once: nothing, pid: 1, platform: "linux",
    [Symbol.toStringTag]: "process", release: { name: "node" }, removeListener: nothing, stderr: { isTTY: false, write },
    stdout: { isTTY: false, write }, uptime: () => 0, version: "v20.0.0", versions: { node: "20.0.0" },
    nextTick: (work, ...values) => queueMicrotask(() => work(...values)),
  };
  function hrtime(before) {
    const now = Date.now();
    const [seconds, rest] = [Math.floor(now / 1000), (now % 1000) * 1e6];
    return before ? [seconds - before[0], rest - before[1]] : [seconds, rest];
  }
  hrtime.bigint = () => BigInt(Date.now()) * 1000000n;
  // What Node.js calls global is here what the function sees, so that a module finds its fetch there.
  const required = (name) => (name.replace("node:", "") === "process" ? process : host.builtin(name));
  const around = { require: required, process, global: globalThis, setImmediate: later, clearImmediate: host.globals.clearTimeout };
  function loaded(text) {
    const module = { exports: {} };
    const make = host.evaluate(`(function (module, exports, ${Object.keys(around).join(", ")}) {${text}\n})`);
    make(module, module.exports, ...Object.values(around));
    return module.exports;
  }
  function lazily(name, make) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get() {
        const value = make();
        define(name, value);
        return value;
      },
      set: (value) => void define(name, value),
    });
  }
  for (const { names, text } of host.modules) {
    let loaders;
    for (const name of names) lazily(name, () => (loaders ??= loaded(text))[name]());
  }
  lazily("https", () => host.builtin("https"));

  for (const [name, value] of Object.entries({
    ...host.globals, ...errors, FetchError, AbortError, console, fetch, Headers, Request, Response, FormData, cache,
  })) define(name, value);
  if (kind === "SOURCE") define("Segment", Segment);
  define("window", { ...host.globals, ...errors, console, fetch, Headers, Request, Response, FormData, cache });

  function told(error) {
    const found = { name: "Error", message: "", stack: "" };
    try {
      found.name = String(error?.name ?? "Error");
      const kin = Object.keys(errors).find((name) => error instanceof errors[name]);
      if (kin && !Object.hasOwn(errors, found.name)) found.name = kin;
      found.message = String(error?.message ?? error);
      found.stack = String(error?.stack ?? "");
    } catch {
      found.message ||= "an error that cannot be read";
    }
    // Of the stack, what is the function's own.
    const lines = found.stack.split("\n").filter((line, place) => place === 0 || line.includes("function.js"));
    return {
      name: found.name.slice(0, 100),
      message: found.message.slice(0, 1000),
      stack: lines.join("\n").slice(0, 2000),
    };
  }

  return (handlers) => async (handler, input, settings) => {
    try {
      if (!handlers[handler]) throw new errors.EventNotSupported(`the function has no ${handler}`);
      const given = parse(input);
      const value = await handlers[handler](handler === "onRequest" ? requestOf(given) : given, parse(settings));
      return { value: stringify(value) ?? "null" };
    } catch (error) {
      return { error: told(error) };
    }
  };
}
