// The outbound policy of penstock/infra/http/policy.py inside the runner: judged after DNS, address pinned, every hop.
import dgram from "node:dgram";
import dns from "node:dns";
import net from "node:net";

import { currentCall } from "./call.ts";

export interface PolicyTables {
  denied: string[];
  allowed: string[];
  ownPorts: number[];
  isClosed: boolean;
}

interface Range {
  version: number;
  first: bigint;
  bits: bigint;
}

interface Parsed {
  version: number;
  value: bigint;
}

export class OutboundRefused extends Error {
  code = "OUTBOUND_REFUSED";
  constructor(message: string) {
    super(message);
    this.name = "OutboundRefused";
  }
}

function v4(text: string): bigint {
  return text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function v6(text: string): bigint {
  let address = text;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (dotted) {
    const low = v4(dotted[2]);
    address = `${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const [head, tail] = address.split("::");
  const left = head ? head.split(":") : [];
  const right = tail ? tail.split(":") : [];
  const gap = tail === undefined ? [] : Array(8 - left.length - right.length).fill("0");
  return [...left, ...gap, ...right].reduce((sum, part) => sum * 65536n + BigInt(`0x${part}`), 0n);
}

function parse(text: string): Parsed | undefined {
  const bare = text.split("%")[0];
  if (net.isIPv4(bare)) return { version: 4, value: v4(bare) };
  if (!net.isIPv6(bare)) return undefined;
  const value = v6(bare);
  if (value >> 32n === 0xffffn) return { version: 4, value: value & 0xffffffffn };
  if (value >> 112n === 0x2002n) return { version: 4, value: (value >> 80n) & 0xffffffffn };
  return { version: 6, value };
}

function range(cidr: string): Range {
  const [address, length] = cidr.split("/");
  const version = address.includes(":") ? 6 : 4;
  const bits = BigInt((version === 4 ? 32 : 128) - Number(length));
  return { version, first: (version === 4 ? v4(address) : v6(address)) >> bits, bits };
}

function holds(ranges: Range[], ip: Parsed): boolean {
  return ranges.some((one) => one.version === ip.version && ip.value >> one.bits === one.first);
}

const CLOSED = "nothing may be called";

export class OutboundPolicy {
  private readonly denied: Range[];
  private readonly allowed: Range[];
  private readonly ownPorts: Set<number>;
  readonly isClosed: boolean;

  constructor(tables: PolicyTables) {
    this.denied = tables.denied.map(range);
    this.allowed = tables.allowed.map(range);
    this.ownPorts = new Set(tables.ownPorts);
    this.isClosed = tables.isClosed;
  }

  // The reason of a refusal; undefined: the address may be connected to.
  judge(address: string, port: number): string | undefined {
    const ip = parse(address);
    if (!ip) return "not an address";
    if (this.isClosed) return CLOSED;
    if (!holds(this.denied, ip)) return undefined;
    if (this.ownPorts.has(port)) return "a port of Penstock itself";
    return holds(this.allowed, ip) ? undefined : "not a public address";
  }
}

function refusal(address: string, port: number, reason: string): OutboundRefused {
  const error = new OutboundRefused(`${address} port ${port} is refused by the outbound policy: ${reason}`);
  const call = currentCall();
  if (call) call.refused = error.message;
  return error;
}

// deno-lint-ignore no-explicit-any
type Any = any;

// A lookup that hands out only addresses that may be connected to: what it answers is what the socket uses.
function guardedLookup(policy: OutboundPolicy, port: number) {
  return (name: string, options: Any, callback: Any) => {
    const done = typeof options === "function" ? options : callback;
    const wanted = typeof options === "object" && options !== null ? options : { family: Number(options) || 0 };
    dns.lookup(name, { ...wanted, all: true }, (error: Any, found: Any) => {
      if (error) return done(error);
      const good = found.filter((one: Any) => policy.judge(one.address, port) === undefined);
      if (good.length === 0) {
        const address = found[0]?.address ?? name;
        return done(refusal(address, port, policy.judge(address, port) ?? "no address"));
      }
      return wanted.all ? done(null, good) : done(null, good[0].address, good[0].family);
    });
  };
}

function normalized(args: Any[]): { options: Any; callback: Any } {
  // Node hands over its own normalized form: one array of options and callback.
  if (Array.isArray(args[0])) return { options: args[0][0], callback: args[0][1] };
  const callback = typeof args.at(-1) === "function" ? args.at(-1) : undefined;
  if (typeof args[0] === "object" && args[0] !== null) return { options: args[0], callback };
  if (typeof args[0] === "string" && Number.isNaN(Number(args[0]))) return { options: { path: args[0] }, callback };
  return { options: { port: args[0], host: typeof args[1] === "string" ? args[1] : undefined }, callback };
}

function refuse(what: string) {
  return () => {
    throw refusal(what, 0, "only checked connections are open to destinations");
  };
}

// Put the policy before every socket that destination code can open.
export function install(policy: OutboundPolicy, fetchThroughSockets: unknown): void {
  const connect = net.Socket.prototype.connect as Any;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: Any[]) {
    const { options, callback } = normalized(args);
    const port = Number(options?.port);
    const host = String(options?.host ?? "localhost").replace(/^\[|\]$/g, "");
    let error: Error | undefined;
    if (!options || options.path) error = refusal(String(options?.path), 0, "local sockets are closed");
    else if (policy.isClosed) error = refusal(host, port, CLOSED);
    else if (net.isIP(host)) {
      const reason = policy.judge(host, port);
      if (reason) error = refusal(host, port, reason);
    }
    if (error) {
      // As a failed connection would come: later, by the error event.
      queueMicrotask(() => this.destroy(error));
      return this;
    }
    const guarded = { ...options, lookup: guardedLookup(policy, port) };
    return connect.call(this, guarded, ...(callback ? [callback] : []));
  } as Any;
  (dgram as Any).createSocket = refuse("a datagram socket");
  (globalThis as Any).fetch = fetchThroughSockets;
  for (const name of ["WebSocket", "WebSocketStream", "EventSource", "WebTransport"]) {
    (globalThis as Any)[name] = undefined;
  }
  const open = (globalThis as Any).Deno;
  for (const name of ["connect", "connectTls", "connectQuic", "createHttpClient", "listen", "listenTls", "listenDatagram", "serve", "startTls"]) {
    if (name in open) open[name] = refuse(`Deno.${name}`);
  }
}
