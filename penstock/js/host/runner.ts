// The runner: official destination code behind JSON lines, many calls in flight (js-runtime.md §7).
import { core, socketFetch } from "penstock-destinations";

import { type Call, inCall } from "./call.ts";
import { muteConsole, receive, send } from "./channel.ts";
import { describe } from "./describe.ts";
import { ids, load, loadedCount } from "./destinations.ts";
import { errorOf } from "./errors.ts";
import { exchangesOf, Redactor, secretsOf } from "./exchange.ts";
import { operations, type Request } from "./operations.ts";
import { install, OutboundPolicy } from "./policy.ts";
import { mendClone } from "./response.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const RSS_EVERY = 64;
const GRACE_MS = 500;

const policy = new OutboundPolicy(JSON.parse(Deno.args[0]));
let calls = 0;

function memory(): number {
  return Deno.memoryUsage().rss;
}

function failure(id: number, name: string, code: string, status: number, message: string): Any {
  return { id, ok: false, error: { name, code, status, message, fields: [] }, ms: 0 };
}

// The library stops its requests at the signal; code that opens sockets of its own is left behind a little later.
function limited<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new core.RequestTimeoutError(`no end after ${ms} ms`));
    const timer = setTimeout(late, ms + GRACE_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function answer(request: Request): Promise<Any> {
  const operation = operations[request.op];
  if (!operation) return failure(request.id, "BadRequest", "UNKNOWN_OPERATION", 400, `no operation ${request.op}`);
  const loaded = load(request.dest);
  if (!loaded) return failure(request.id, "BadRequest", "UNKNOWN_DESTINATION", 400, `no destination ${request.dest}`);
  const call: Call = { responses: [] };
  const started = performance.now();
  const signal = AbortSignal.timeout(request.timeoutMs);
  let outcome: Any;
  try {
    const work = inCall(call, () => operation(loaded, request, call, signal));
    outcome = { ok: true, results: await limited(work, request.timeoutMs) };
  } catch (error) {
    outcome = { ok: false, error };
  }
  const isBad = !outcome.ok || outcome.results.some((one: Any) => one.multistatus?.some((row: Any) => row.status >= 300));
  const samples = (request.trace || isBad) && call.responses.length > 0;
  const redactor = isBad || samples
    ? new Redactor(secretsOf({ ...request.settings, oauth: request.oauth }, loaded.passwordFields))
    : undefined;
  return {
    id: request.id,
    ok: outcome.ok,
    results: outcome.results,
    error: outcome.ok ? undefined : errorOf(outcome.error, call, redactor!),
    refused: call.refused,
    newTokens: call.newTokens,
    exchanges: samples ? exchangesOf(call, redactor!) : undefined,
    ms: Math.round((performance.now() - started) * 10) / 10,
  };
}

function told(request: Any): Any {
  const { id, op } = request;
  if (op === "ping") return { id, ok: true, results: [] };
  if (op === "stats") return { id, ok: true, results: [{ data: { calls, loaded: loadedCount() } }], rss: memory() };
  if (op === "ids") return { id, ok: true, results: [{ data: ids() }] };
  if (op === "judge") return { id, ok: true, results: request.events.map(([address, port]: Any) => ({ output: policy.judge(address, port) ?? "" })) };
  if (op === "describe") {
    const loaded = load(request.dest);
    if (!loaded) return failure(id, "BadRequest", "UNKNOWN_DESTINATION", 400, `no destination ${request.dest}`);
    return { id, ok: true, results: [{ data: describe(loaded.definition) }] };
  }
  return undefined;
}

async function serve(line: string): Promise<void> {
  let id = 0;
  try {
    const known = /^\{"id":(\d+)/.exec(line);
    id = known ? Number(known[1]) : 0;
    const request = JSON.parse(line);
    calls += 1;
    const reply = told(request) ?? (await answer(request));
    if (calls % RSS_EVERY === 0) reply.rss = memory();
    send(reply);
  } catch (error) {
    send(failure(id, "BadRequest", "BAD_REQUEST_LINE", 400, String((error as Error)?.message ?? error).slice(0, 500)));
  }
}

muteConsole();
install(policy, socketFetch);
mendClone(core.Response);
// A definition that forgets a promise must not end the calls of others.
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  console.error("unhandled rejection", event.reason?.message ?? event.reason);
});
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  console.error("uncaught error", event.error?.message ?? event.message);
});
send({ id: 0, ok: true, results: [], rss: memory() });
try {
  await receive((line) => void serve(line));
} catch (error) {
  console.error("the channel broke:", (error as Error)?.message);
  Deno.exit(1);
}
Deno.exit(0);
