// What a request can ask for, and the bounded plain data that answers it.
import type { Call } from "./call.ts";
import type { Loaded } from "./destinations.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const TEXT_LIMIT = 1000;
const DATA_LIMIT = 64 << 10;

export interface Request {
  id: number;
  op: string;
  dest: string;
  action: string;
  settings: Any;
  subscription: Any;
  oauth?: Any;
  events: Any[];
  timeoutMs: number;
  trace: boolean;
}

const silentStats = new Proxy({}, { get: () => () => undefined });
const silentLogger = new Proxy({}, { get: (_target, name) => (name === "level" ? "error" : () => undefined) });

function optionsOf(loaded: Loaded, call: Call, signal: AbortSignal): Any {
  const transaction: Record<string, string> = {};
  const state = new Map<string, Any>();
  return {
    signal,
    statsContext: { statsClient: silentStats, tags: [] },
    logger: silentLogger,
    features: {},
    engageDestinationCache: loaded.cache,
    transactionContext: {
      transaction,
      setTransaction: (key: string, value: string) => void (transaction[key] = value),
    },
    stateContext: {
      getRequestContext: (key: string) => state.get(key),
      setResponseContext: (key: string, value: Any) => void state.set(key, value),
    },
    onTokenRefresh: (tokens: Any) => void (call.newTokens = tokens),
  };
}

function settingsOf(request: Request): Any {
  const settings = { ...request.settings };
  if (request.oauth) settings.oauth = { ...request.oauth };
  return settings;
}

function shortText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value.slice(0, TEXT_LIMIT);
  try {
    return JSON.stringify(value)?.slice(0, TEXT_LIMIT);
  } catch {
    return undefined;
  }
}

function boundedData(data: unknown): unknown {
  try {
    const json = JSON.stringify(data);
    return json !== undefined && json.length <= DATA_LIMIT ? data : undefined;
  } catch {
    return undefined;
  }
}

// `sent` stays behind: it holds the mapped payload, and with it secrets and personal data.
function rowOf(row: Any): Any {
  return {
    status: Number.isInteger(Number(row?.status)) ? Number(row.status) : 0,
    errortype: shortText(row?.errortype),
    errormessage: shortText(row?.errormessage),
    errorreporter: shortText(row?.errorreporter),
    body: shortText(row?.body),
  };
}

// Messages for our own ingest (Segment, Segment Profiles) travel whole; other data only while it is small.
function resultOf(result: Any): Any {
  if (result && Array.isArray(result.multistatus)) return { multistatus: Array.from(result.multistatus, rowOf) };
  const batch = result?.data?.batch;
  return {
    output: shortText(result?.output),
    data: Array.isArray(batch) ? { batch } : boundedData(result?.data),
  };
}

function resultsOf(results: Any): Any[] {
  return (Array.isArray(results) ? results : [{ data: results }]).map(resultOf);
}

type Operation = (loaded: Loaded, request: Request, call: Call, signal: AbortSignal) => Promise<Any>;

async function event(loaded: Loaded, request: Request, call: Call, signal: AbortSignal): Promise<Any> {
  if (!Object.hasOwn(loaded.destination.actions, request.action)) return [];
  const subscription = { ...request.subscription, partnerAction: request.action };
  const settings = { ...settingsOf(request), subscription };
  const options = optionsOf(loaded, call, signal);
  const { destination } = loaded;
  if (request.op === "batch") return resultsOf(await destination.onBatch(request.events, settings, options));
  // Single results end with what was executed; what came before only says that it got there.
  const results = await destination.onEvent(request.events[0], settings, options);
  return resultsOf(Array.isArray(results) ? results.slice(-1) : results);
}

async function remove(loaded: Loaded, request: Request, call: Call, signal: AbortSignal): Promise<Any> {
  if (!loaded.definition.onDelete) return [{ output: "no onDelete defined" }];
  await loaded.destination.onDelete(request.events[0], settingsOf(request), optionsOf(loaded, call, signal));
  return [{ output: "Action Executed" }];
}

async function validate(loaded: Loaded, request: Request): Promise<Any> {
  const settings = structuredClone(request.settings);
  await loaded.destination.validateSettings(settings);
  return [{ output: "Settings validated", data: boundedData(settings) }];
}

async function testAuthentication(loaded: Loaded, request: Request): Promise<Any> {
  await loaded.destination.testAuthentication(settingsOf(request));
  return [{ output: "Credentials accepted" }];
}

async function refresh(loaded: Loaded, request: Request, call: Call): Promise<Any> {
  const { access_token, refresh_token, clientId, clientSecret, refresh_token_url } = request.oauth ?? {};
  call.newTokens = await loaded.destination.refreshAccessToken(request.settings, {
    accessToken: access_token,
    refreshToken: refresh_token,
    clientId,
    clientSecret,
    refreshTokenUrl: refresh_token_url,
  });
  return [{ output: "Token refreshed" }];
}

export const operations: Record<string, Operation> = {
  event,
  batch: event,
  delete: remove,
  validate,
  testAuth: testAuthentication,
  refresh,
};
