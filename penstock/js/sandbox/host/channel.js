// JSON lines on standard input and output.
//
// Foreign code shares this process and may change what every object inherits. So nothing here calls a method by its
// name once that code runs: what is needed of the language is taken before, and the nonce touches no object of theirs.
const { parse, stringify } = JSON;
const uncurried = Function.prototype.bind.bind(Function.prototype.call);
const tail = uncurried(String.prototype.slice);
const Bytes = Uint8Array;
const [lengthOf, bufferOf, offsetOf] = ["length", "buffer", "byteOffset"].map((name) =>
  uncurried(Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Bytes.prototype), name).get)
);
const encode = TextEncoder.prototype.encode.bind(new TextEncoder());
const write = Deno.stdout.writeSync.bind(Deno.stdout);
const decoder = new TextDecoder();
const input = Deno.stdin.readable;

// Lines that lack it are none of ours: foreign code that reaches standard output can disturb, not speak.
const opening = `{"nonce":"${crypto.randomUUID()}",`;

export function send(message) {
  const bytes = encode(opening + tail(stringify(message), 1) + "\n");
  const length = lengthOf(bytes);
  // A view made by `subarray` would be made by whatever constructor the prototype names.
  for (let at = 0; at < length;) at += write(at ? new Bytes(bufferOf(bytes), offsetOf(bytes) + at) : bytes);
}

// Hands over each message; ends when the parent closes its side.
export async function receive(take) {
  let line = "";
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      line += decoder.decode(chunk.subarray(start, end), { stream: true });
      take(parse(line));
      line = "";
      start = end + 1;
    }
    if (start < chunk.length) line += decoder.decode(chunk.subarray(start), { stream: true });
  }
}
