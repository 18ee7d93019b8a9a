// Makes calls with the unmodified @segment/analytics-node. The order and the answer are those of python_sender.py.

import { Analytics } from "@segment/analytics-node";

// JSON has no dates: `{"$date": "…"}` stands for one.
const revived = (_name: string, value: unknown) =>
  value !== null && typeof value === "object" && "$date" in value ? new Date(value.$date as string) : value;

const tell = (line: unknown) => console.log(JSON.stringify(line));

const order = JSON.parse(await new Response(Deno.stdin.readable).text(), revived);
const givenUp: string[] = [];
const client = new Analytics({ writeKey: order.key, host: order.url, ...order.settings });
client.on("error", () => {}); // each call's own callback tells the same
for (const { type, ...call } of order.calls) {
  client[type](call, (error: unknown, context: { event: { messageId: string } }) => {
    tell({ handed: context.event });
    if (error !== undefined) givenUp.push(context.event.messageId);
  });
}
await client.closeAndFlush({ timeout: 60_000 });
tell({ failed: givenUp });
