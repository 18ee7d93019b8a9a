// What the modules of functions get for the names that Node.js builds in: what harms nobody as it is, requests over the
// one way out, and in the place of all else something that can be loaded and looked at, but not called.
import process from "node:process";

import { requestsOver } from "./requests.js";

const PLAIN = new Set([
  "assert", "async_hooks", "buffer", "constants", "crypto", "events", "path", "punycode", "querystring", "stream",
  "string_decoder", "timers", "url", "util", "zlib",
]);
const WITHOUT_EFFECT = new Set([
  "child_process", "cluster", "dgram", "dns", "domain", "fs", "http2", "module", "net", "perf_hooks", "readline", "tls",
  "v8", "vm", "worker_threads",
]);
const SYSTEM = {
  EOL: "\n", arch: () => "x64", cpus: () => [], endianness: () => "LE", homedir: () => "/", hostname: () => "function",
  networkInterfaces: () => ({}), platform: () => "linux", release: () => "", tmpdir: () => "/tmp", totalmem: () => 0,
  freemem: () => 0, type: () => "Linux", userInfo: () => ({ username: "function" }), loadavg: () => [0, 0, 0],
  uptime: () => 0, constants: { signals: {}, errno: {} },
};

export function builtinsOver(ask) {
  const made = { os: SYSTEM, tty: { isatty: () => false, ReadStream: class {}, WriteStream: class {} } };
  return (given) => {
    const name = given.replace(/^node:/, "");
    if (name in made) return made[name];
    if (name === "http" || name === "https") return Object.assign(made, requestsOver(ask))[name];
    const base = name.split("/")[0];
    if (PLAIN.has(base)) return (made[name] = process.getBuiltinModule(`node:${name}`));
    if (WITHOUT_EFFECT.has(base)) return (made[name] = withoutEffect(name));
    throw Object.assign(new Error(`the module ${given} is not available to functions`), { code: "MODULE_NOT_FOUND" });
  };
}

function withoutEffect(path) {
  const own = new Map();
  function refuse() {
    throw new Error(`${path} is not available to functions; use fetch`);
  }
  return new Proxy(refuse, {
    get(target, key) {
      if (own.has(key)) return own.get(key);
      if (typeof key === "symbol" || ["prototype", "then", "__esModule", "apply", "call", "bind"].includes(key)) {
        return target[key];
      }
      own.set(key, withoutEffect(`${path}.${key}`));
      return own.get(key);
    },
    set(_, key, value) {
      own.set(key, value);
      return true;
    },
  });
}
