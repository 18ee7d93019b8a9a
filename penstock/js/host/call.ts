// What belongs to one call while many are in flight: its responses, its tokens, and whether the policy refused it.
import { AsyncLocalStorage } from "node:async_hooks";

export interface Call {
  // deno-lint-ignore no-explicit-any
  responses: any[];
  refused?: string;
  newTokens?: unknown;
}

const storage = new AsyncLocalStorage<Call>();
const RESPONSES_KEPT = 4;

export function currentCall(): Call | undefined {
  return storage.getStore();
}

export function inCall<T>(call: Call, work: () => Promise<T>): Promise<T> {
  return storage.run(call, work);
}

// The last responses count: they tell how the call ended.
export function keepResponse(response: unknown): void {
  const call = storage.getStore();
  if (!call) return;
  call.responses.push(response);
  if (call.responses.length > RESPONSES_KEPT) call.responses.shift();
}
