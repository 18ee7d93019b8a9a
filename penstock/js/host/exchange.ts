// The bounded sample of requests and responses that a person is shown; secrets are taken out before anything is cut.
import type { Call } from "./call.ts";

const BODY_LIMIT = 2048;
const HEADERS_LIMIT = 40;
const HEADER_LIMIT = 512;
const MASK = "••••••••";
const SECRET_NAME = /auth|token|secret|cookie|password|passwd|signature|credential|api-?_?key|access-?_?key|^x-amz-/i;
const SHORTEST_SECRET = 4;

// deno-lint-ignore no-explicit-any
type Any = any;

function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  try {
    return String(value instanceof URLSearchParams ? value : typeof value === "object" ? "" : value);
  } catch {
    return "";
  }
}

export class Redactor {
  constructor(private readonly secrets: string[]) {}

  text(value: unknown, limit: number): string {
    // Looking a little further than the limit keeps a secret that crosses it from being cut into the open.
    let shown = text(value).slice(0, limit + 4096);
    for (const secret of this.secrets) shown = shown.replaceAll(secret, MASK);
    return shown.slice(0, limit);
  }

  url(value: unknown): string {
    let shown = text(value);
    try {
      const url = new URL(shown);
      if (url.username) url.username = "x";
      if (url.password) url.password = "x";
      for (const name of [...url.searchParams.keys()]) {
        if (SECRET_NAME.test(name)) url.searchParams.set(name, MASK);
      }
      shown = decodeURI(url.toString());
    } catch {
      // Not a URL: shown as text.
    }
    return this.text(shown, BODY_LIMIT);
  }

  headers(headers: Any): Record<string, string> {
    const shown: Record<string, string> = {};
    let count = 0;
    headers?.forEach?.((value: string, name: string) => {
      if (count++ >= HEADERS_LIMIT) return;
      shown[name] = SECRET_NAME.test(name) ? MASK : this.text(value, HEADER_LIMIT);
    });
    return shown;
  }
}

// Every string of a setting that is called or typed a secret, longest first so that one inside another is no trace.
export function secretsOf(settings: Any, passwordFields: Set<string>): string[] {
  const found: string[] = [];
  const walk = (value: Any, isSecret: boolean, depth: number): void => {
    if (typeof value === "string") {
      if (isSecret && value.length >= SHORTEST_SECRET) {
        found.push(value, encodeURIComponent(value), btoaSafe(value), btoaSafe(`${value}:`), btoaSafe(`:${value}`));
      }
      return;
    }
    if (typeof value !== "object" || value === null || depth > 4) return;
    for (const [key, inner] of Object.entries(value)) {
      walk(inner, isSecret || passwordFields.has(key) || SECRET_NAME.test(key), depth + 1);
    }
  };
  walk(settings, false, 0);
  return [...new Set(found)].filter((one) => one.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}

function btoaSafe(value: string): string {
  try {
    return btoa(value);
  } catch {
    return "";
  }
}

export function exchangesOf(call: Call, redactor: Redactor): Any[] {
  return call.responses.map((response) => ({
    method: response.request?.method ?? "",
    url: redactor.url(response.request?.url),
    requestHeaders: redactor.headers(response.request?.headers),
    requestBody: redactor.text(response.options?.body, BODY_LIMIT),
    status: response.status ?? 0,
    responseHeaders: redactor.headers(response.headers),
    responseBody: redactor.text(response.content, BODY_LIMIT),
  }));
}
