// Calls operations with the unmodified @segment/public-api-sdk-typescript: one JSON line in, one out, in order.

import sdk from "@segment/public-api-sdk-typescript";
import { createInterface } from "node:readline";
import process from "node:process";

type Call = { operation: string; values: Record<string, unknown>; body?: unknown };
type Api = Record<string, (...given: unknown[]) => Promise<{ response: Answer; body: unknown }>>;
type Answer = { statusCode: number; headers: Record<string, string>; body: unknown };

const [url, token] = Deno.args;
// This one the client configures not, so it sends no User-Agent.
const alone = new sdk.DeliveryOverviewApi();
alone.accessToken = token;
const apis = Object.values({ ...sdk.configureApis(token), alone }) as unknown as (Api & { basePath: string })[];
for (const api of apis) api.basePath = url;

// Parameters stand in the order of the client's own function; the body is the one that is called an input.
function given(method: unknown, { values, body }: Call): unknown[] {
  const names = String(method).match(/\(([^)]*)\)/)![1].split(",").map((name) => name.trim());
  return names.slice(0, -1).map((name) => name in values ? values[name] : name.endsWith("Input") ? body : undefined);
}

async function called(call: Call): Promise<unknown> {
  const api = apis.find((each) => typeof each[call.operation] === "function");
  if (api === undefined) return { missing: call.operation };
  const told = ({ statusCode, headers, body }: Answer) => ({ status: statusCode, headers, body });
  try {
    const { response, body } = await api[call.operation](...given(api[call.operation], call));
    return { ...told(response), read: body };
  } catch (error) {
    // Compiled for old engines, its errors are not of their class.
    const refusal = (error as { response?: Answer }).response;
    return refusal === undefined ? { thrown: String(error) } : told(refusal);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await called(JSON.parse(line))) + "\n");
}
