// JSON lines on standard input and output. Nothing else may write to standard output.

const encoder = new TextEncoder();
const decoder = new TextDecoder();
export const LINE_LIMIT = 8 << 20;

let queue: string[] = [];
let isWriting = false;

async function drain(): Promise<void> {
  isWriting = true;
  while (queue.length > 0) {
    const bytes = encoder.encode(queue.join(""));
    queue = [];
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  }
  isWriting = false;
}

export function send(answer: unknown): void {
  queue.push(JSON.stringify(answer) + "\n");
  // Answers of one turn of the loop leave in one write.
  if (!isWriting) {
    isWriting = true;
    queueMicrotask(drain);
  }
}

// Hands over each line; ends when the parent closes its side. A line above the limit ends the process.
export async function receive(take: (line: string) => void): Promise<void> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of Deno.stdin.readable) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      take(joined(parts));
      parts = [];
      size = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      size += chunk.length - start;
      if (size > LINE_LIMIT) throw new Error("a line is longer than the protocol allows");
    }
  }
}

function joined(parts: Uint8Array[]): string {
  if (parts.length === 1) return decoder.decode(parts[0]);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return decoder.decode(whole);
}

export function muteConsole(): void {
  const write = (...values: unknown[]) => {
    const line = values.map((value) => typeof value === "string" ? value : Deno.inspect(value, { depth: 2 })).join(" ");
    Deno.stderr.writeSync(encoder.encode(line.slice(0, 2000) + "\n"));
  };
  for (const name of ["log", "info", "debug", "warn", "error", "trace", "dir", "table"] as const) {
    console[name] = write as typeof console.log;
  }
}
