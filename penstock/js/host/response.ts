// Mends how node-fetch clones a response. The library reads a clone and leaves the original alone; with the small
// buffers of the original code anything above some 32 KB then never ends, an abort never arrives, and no size is kept.
import { PassThrough } from "node:stream";

// deno-lint-ignore no-explicit-any
type Any = any;

export const BODY_LIMIT = 8 << 20;

function tooLarge(): Error {
  return Object.assign(new Error(`the response is larger than ${BODY_LIMIT} bytes`), { code: "ERR_RESPONSE_TOO_LARGE" });
}

function branches(body: Any): [PassThrough, PassThrough] {
  const pair: [PassThrough, PassThrough] = [
    new PassThrough({ highWaterMark: BODY_LIMIT }),
    new PassThrough({ highWaterMark: BODY_LIMIT }),
  ];
  let size = 0;
  body.on("data", (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > BODY_LIMIT) body.destroy(tooLarge());
  });
  for (const branch of pair) {
    // The branch that nobody reads must not bring the process down.
    branch.on("error", () => undefined);
    body.on("error", (error: Error) => branch.destroy(error));
    body.pipe(branch);
  }
  return pair;
}

export function mendClone(Response: Any): void {
  const clone = Response.prototype.clone;
  Response.prototype.clone = function (this: Any) {
    const internals = Object.getOwnPropertySymbols(this).find((symbol) => symbol.description === "Body internals");
    const body = this.body;
    if (!internals || typeof body?.pipe !== "function" || this.bodyUsed) return clone.call(this);
    const [kept, given] = branches(body);
    this[internals].body = kept;
    const { url, status, statusText, headers, size, timeout } = this;
    return new Response(given, { url, status, statusText, headers, size, timeout });
  };
}
