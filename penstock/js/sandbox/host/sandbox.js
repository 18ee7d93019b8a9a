// One process for one function: makes a realm for its script, runs handlers when asked, and passes requests on.
//
// The realm keeps the script from touching this host by accident. It is no wall: that the process has no permission is.
import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer } from "node:buffer";
import nodeCrypto from "node:crypto";
import { inspect } from "node:util";
import vm from "node:vm";
import zlib from "node:zlib";

import { builtinsOver } from "./builtins.js";
import { receive, send } from "./channel.js";
import { furnish } from "./realm.js";

const LOG_LIMIT = 4096;
const FETCHES_LIMIT = 100;
const ANSWER_LIMIT = 3 << 20;
const HANDLERS = [
  "onRequest", "onIdentify", "onTrack", "onPage", "onScreen", "onGroup", "onAlias", "onDelete", "onBatch",
];

const invocations = new AsyncLocalStorage();
const waiting = new Map();
let nextFetch = 0;
let invoke;

// What foreign code leaves running must not end the process under another invocation.
addEventListener("unhandledrejection", (event) => event.preventDefault());

addEventListener("error", (event) => event.preventDefault());

// Each line goes at once: a run that never comes back, or takes the process with it, has been heard all the same.
function log(level, values) {
  const invocation = invocations.getStore();
  if (!invocation || invocation.isOver || invocation.logged >= LOG_LIMIT) return;
  const text = values.map((value) => (typeof value === "string" ? value : inspect(value, { depth: 4 }))).join(" ");
  const line = `${level} ${text}`.slice(0, LOG_LIMIT - invocation.logged);
  invocation.logged += line.length + 1;
  send({ kind: "log", id: invocation.id, line });
}

function keep(message) {
  const invocation = invocations.getStore();
  if (!invocation) return;
  invocation.kept += message.length;
  if (invocation.kept > ANSWER_LIMIT) throw new RangeError("an invocation sends at most 3 MiB");
  invocation.messages.push(message);
}

function fetchOutside(request, resolve, reject) {
  const invocation = invocations.getStore();
  if (!invocation || invocation.isOver) return reject("the invocation is over");
  if (++invocation.fetches > FETCHES_LIMIT) return reject(`an invocation makes at most ${FETCHES_LIMIT} requests`);
  const call = ++nextFetch;
  waiting.set(call, resolve);
  send({ kind: "fetch", id: invocation.id, call, request });
}

// A timer belongs to the invocation that started it, and ends with it.
function timer(start) {
  return (work, milliseconds, ...values) => {
    const invocation = invocations.getStore();
    if (!invocation || invocation.isOver) return 0;
    const made = start(work, milliseconds, ...values);
    invocation.timers.add(made);
    return made;
  };
}

const host = {
  builtin: builtinsOver(fetchOutside),
  log,
  fetch: fetchOutside,
  keep,
  globals: {
    AbortController, AbortSignal, Buffer, TextDecoder, TextEncoder, URL, URLSearchParams, atob, btoa, queueMicrotask,
    crypto: nodeCrypto,
    zlib: { zlib },
    setTimeout: timer(setTimeout),
    setInterval: timer(setInterval),
    clearTimeout: (made) => clearTimeout(made),
    clearInterval: (made) => clearInterval(made),
  },
};

function load({ function: kind, code, modules }) {
  const realm = vm.createContext(vm.constants.DONT_CONTEXTIFY);
  const evaluate = (text) => vm.runInContext(text, realm, { filename: "modules.js" });
  const prepared = vm.runInContext(`(${furnish})`, realm)({ ...host, evaluate, modules }, kind);
  try {
    new vm.Script(code, { filename: "function.js" }).runInContext(realm);
  } catch (error) {
    return { kind: "unloadable", error: thrown(error) };
  }
  const found = {};
  for (const name of HANDLERS) {
    const handler = vm.runInContext(`typeof ${name} === "function" ? ${name} : undefined`, realm);
    if (handler) found[name] = handler;
  }
  invoke = prepared(found);
  return { kind: "loaded", handlers: Object.keys(found) };
}

function thrown(error) {
  try {
    return { name: String(error?.name ?? "Error"), message: String(error?.message ?? error), stack: "" };
  } catch {
    return { name: "Error", message: "an error that cannot be read", stack: "" };
  }
}

async function run({ id, handler, input, settings, milliseconds }) {
  const invocation = {
    id, isOver: false, logged: 0, kept: 0, messages: [], fetches: 0, timers: new Set(),
  };
  let late;
  const limit = new Promise((resolve) => {
    late = setTimeout(() => resolve({ isLate: true }), milliseconds);
  });
  let answer = await invocations.run(invocation, () => Promise.race([invoke(handler, input, settings), limit]));
  clearTimeout(late);
  if (answer.value?.length > ANSWER_LIMIT) answer = { error: { name: "Error", message: "the result is above 3 MiB" } };
  invocation.isOver = true;
  for (const made of invocation.timers) clearTimeout(made);
  send({ kind: "result", id, ...answer, messages: answer.error ? [] : invocation.messages });
}

function take(message) {
  switch (message.kind) {
    case "load":
      return send(load(message));
    case "invoke":
      return void run(message).catch((error) => send({ kind: "result", id: message.id, error: thrown(error) }));
    case "fetched": {
      const resolve = waiting.get(message.call);
      waiting.delete(message.call);
      return resolve?.(message.answer);
    }
  }
}

send({ kind: "ready" });
await receive(take);
Deno.exit(0);
