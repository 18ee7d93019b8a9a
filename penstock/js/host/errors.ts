// Errors of the library as plain data; the meaning is judged in Python (verdict.py).
import type { Call } from "./call.ts";
import type { Redactor } from "./exchange.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const MESSAGE_LIMIT = 1000;
const FIELDS_LIMIT = 20;

function fieldsOf(error: Any, redactor: Redactor): Any[] {
  if (error?.name !== "AggregateAjvError") return [];
  const fields: Any[] = [];
  try {
    for (const one of error) {
      if (fields.length >= FIELDS_LIMIT) break;
      fields.push({ path: String(one?.path ?? ""), message: redactor.text(one?.message, MESSAGE_LIMIT) });
    }
  } catch {
    // Not iterable after all: the message says it.
  }
  return fields;
}

function integer(value: unknown): number | undefined {
  const number = Number(value);
  return value !== null && value !== "" && Number.isInteger(number) ? number : undefined;
}

export function errorOf(error: Any, call: Call, redactor: Redactor): Any {
  const cause = error?.cause;
  const tooLarge = error?.type === "max-size" ? "ERR_RESPONSE_TOO_LARGE" : undefined;
  const code = call.refused ? "OUTBOUND_REFUSED" : error?.code ?? cause?.code ?? tooLarge;
  const status = integer(error?.status ?? error?.response?.status ?? error?.$metadata?.httpStatusCode);
  const retryAfter = error?.response?.headers?.get?.("retry-after");
  return {
    name: String(error?.name ?? error?.constructor?.name ?? "Error"),
    code: code === undefined || code === null ? undefined : String(code),
    status,
    message: redactor.text(call.refused ?? error?.message ?? String(error), MESSAGE_LIMIT),
    fields: fieldsOf(error, redactor),
    retryAfter: retryAfter ?? undefined,
    requestUrl: redactor.url(error?.request?.url ?? error?.response?.url),
    type: error?.type === undefined ? undefined : String(error.type),
    phase: error?.penstockPhase,
  };
}
