// Reads a script from standard input and answers where it breaks, or null. The script is parsed and never run.
import vm from "node:vm";

const code = await new Response(Deno.stdin.readable).text();

// Without a stack of its own the error tells the place in the script, and only an event shows it.
Error.stackTraceLimit = 0;
let problem = null;
addEventListener("error", (event) => {
  event.preventDefault();
  problem = { message: event.error?.message ?? event.message, line: event.lineno, column: event.colno };
});
try {
  new vm.Script(code, { filename: "function.js" });
} catch (error) {
  reportError(error);
}
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(problem)));
