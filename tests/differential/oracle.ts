// Answers questions to the official evaluator of device-mode filters, one JSON line each, in order.

import tsub from "@segment/tsub";
import { createInterface } from "node:readline";
import process from "node:process";

const { matches, transform } = tsub;

type Question =
  | { event: Record<string, unknown>; ir: string }
  | { event: Record<string, unknown>; transformers: unknown[] };

function answer(question: Question): unknown {
  try {
    if ("ir" in question) {
      return { value: matches(question.event, { type: "fql", ir: question.ir }) };
    }
    return { value: transform(question.event, question.transformers) };
  } catch (error) {
    return { thrown: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + "\n");
}
