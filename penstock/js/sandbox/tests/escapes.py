"""Attempts to get out of a sandbox, or to bring it down, as data: what each is called, its code, and where it ends.

`code` is the body of an async function in which `world` is the global object of the host's realm (every function of
the host leads there), and `{file}`, `{directory}`, `{port}` and `{secret}` stand for a file with a secret, a place to
write, a port that listens, and the name of a variable of the parent's environment. An attempt that succeeds returns
something true. `ends` says whether the process may be gone afterwards.
"""

from typing import NamedTuple

WORLD = """
const world = Buffer.constructor("return globalThis")();
const { Deno, process } = world;
const builtin = (name) => process.getBuiltinModule(name);
const from = (start) => new Promise((resolve, reject) => start(resolve, reject));
"""


class Attempt(NamedTuple):
    name: str
    code: str
    ends: bool = False


FILES = [
    Attempt("read a file", "return Deno.readTextFileSync('{file}')"),
    Attempt("read a file later", "return await Deno.readTextFile('{file}')"),
    Attempt("open a file", "return Deno.openSync('{file}')"),
    Attempt("read by node:fs", "return builtin('node:fs').readFileSync('{file}', 'utf8')"),
    Attempt("read by promises", "return await builtin('node:fs').promises.readFile('{file}', 'utf8')"),
    Attempt(
        "read a stream",
        "return await from((ok, no) => builtin('node:fs').createReadStream('{file}').on('data', ok).on('error', no))",
    ),
    Attempt("fetch a file", "return await (await world.fetch('file://{file}')).text()"),
    Attempt("import a file", "return await world.eval('import(\"file://{file}\")')"),
    Attempt("import a file as JSON", 'return await world.eval(\'import("file://{file}", {with: {type: "json"}})\')'),
    Attempt("require a file", "return builtin('node:module').createRequire('file:///x.js')('{file}')"),
    Attempt("list a directory", "return [...Deno.readDirSync('/')].length"),
    Attempt("look at a file", "return Deno.statSync('{file}').size"),
    Attempt("follow a link", "return Deno.readLinkSync('/proc/self/exe')"),
    Attempt("read /proc", "return Deno.readTextFileSync('/proc/self/environ')"),
    Attempt("read own descriptors", "return builtin('node:fs').readFileSync('/proc/self/fd/0', 'utf8')"),
    Attempt("write a file", "Deno.writeTextFileSync('{directory}/made', 'x'); return true"),
    Attempt("write by node:fs", "builtin('node:fs').writeFileSync('{directory}/made', 'x'); return true"),
    Attempt(
        "have a graphics driver write",
        "const device = await (await world.navigator.gpu.requestAdapter()).requestDevice(); return device.limits.maxBufferSize",
    ),
    Attempt(
        "open by an operation of the runtime",
        "return Deno[Deno.internal].core.ops.op_node_open_sync('{file}', 0, 0)",
    ),
    Attempt(
        "import by the runtime's own evaluation",
        "return await Deno[Deno.internal].core.evalContext('import(\"file://{file}\")', 'file:///x.js')[0]",
    ),
    Attempt(
        "read what others left open",
        "const { op_node_fs_read_sync: read } = Deno[Deno.internal].core.ops; let found = 0;"
        "for (let fd = 3; fd < 64; fd++) { try { found += read(fd, new world.Uint8Array(9), -1n) } catch {} } return found",
    ),
    Attempt("make a temporary file", "return Deno.makeTempFileSync()"),
    Attempt("remove a file", "Deno.removeSync('{file}'); return true"),
    Attempt("watch a file", "return Deno.watchFs('{file}')"),
    Attempt("open a database", "return new (builtin('node:sqlite').DatabaseSync)('{directory}/made')"),
    Attempt("keep a value", "world.localStorage.setItem('a', 'b'); return world.localStorage.getItem('a')"),
    Attempt("keep an answer", "return await world.caches.open('a')"),
    Attempt("ask where it stands", "return Deno.cwd() !== '/'"),
    Attempt("go elsewhere", "Deno.chdir('{directory}'); return true"),
    Attempt("write its memory out", "return builtin('node:v8').writeHeapSnapshot('{directory}/made')", ends=True),
    Attempt(
        "watch by node:fs",
        "return await from((ok) => builtin('node:fs').watchFile('{file}', { interval: 10 }, (now) => ok(now.size)))",
    ),
    Attempt("ask for a blob of a file", "return await (await builtin('node:fs').openAsBlob('{file}')).text()"),
    Attempt(
        "import by the host's own loader",
        "const { Script, constants } = builtin('node:vm');"
        "const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;"
        "return await new Script('import(\"file://{file}\")', { importModuleDynamically }).runInThisContext()",
    ),
]

ENVIRONMENT = [
    Attempt("read a variable", "return Deno.env.get('{secret}')"),
    Attempt("read all variables", "return Object.keys(Deno.env.toObject()).length"),
    Attempt("read process.env", "return process.env['{secret}']"),
    Attempt("ask for the host's name", "return Deno.hostname()"),
    Attempt("ask for interfaces", "return Object.keys(builtin('node:os').networkInterfaces()).length"),
    Attempt("ask for the user", "return builtin('node:os').userInfo().username"),
    Attempt("ask for the release", "return Deno.osRelease()"),
    Attempt("ask for the load", "return Deno.loadavg().length"),
    Attempt("ask for memory", "return Deno.systemMemoryInfo().total"),
    Attempt("ask for permission", "return (await Deno.permissions.request({name: 'read'})).state === 'granted'"),
    Attempt("ask a person", "return world.prompt('may I?')"),
]

NETWORK = [
    Attempt("fetch by the host", "return (await world.fetch('http://127.0.0.1:{port}/')).status"),
    Attempt("connect", "return await Deno.connect({port: {port}})"),
    Attempt(
        "connect by node:net",
        "return await from((ok, no) => builtin('node:net').connect({port}).on('connect', ok).on('error', no))",
    ),
    Attempt(
        "ask by node:http",
        "return await from((ok, no) => builtin('node:http').get('http://127.0.0.1:{port}/', ok).on('error', no))",
    ),
    Attempt(
        "ask by node:https",
        "return await from((ok, no) => builtin('node:https').get('https://127.0.0.1:{port}/', ok).on('error', no))",
    ),
    Attempt(
        "ask by node:http2",
        "return await from((ok, no) => builtin('node:http2').connect('http://127.0.0.1:{port}').on('connect', ok).on('error', no))",
    ),
    Attempt(
        "open a web socket",
        "return await from((ok, no) => { const s = new world.WebSocket('ws://127.0.0.1:{port}/'); s.onopen = ok; s.onerror = no })",
    ),
    Attempt(
        "open an event source",
        "return await from((ok, no) => { const s = new world.EventSource('http://127.0.0.1:{port}/'); s.onopen = ok; s.onerror = no })",
    ),
    Attempt("start TLS", "return await Deno.connectTls({port: {port}})"),
    Attempt("connect a unix socket", "return await Deno.connect({transport: 'unix', path: '/var/run/docker.sock'})"),
    Attempt(
        "send a datagram",
        "return await from((ok, no) => builtin('node:dgram').createSocket('udp4').send('x', {port}, '127.0.0.1', (e) => e ? no(e) : ok(true)))",
    ),
    Attempt(
        "go through a proxy",
        "return (await world.fetch('http://a.example/', {client: Deno.createHttpClient({proxy: {url: 'http://127.0.0.1:{port}'}})})).status",
    ),
    Attempt("look up a name", "return await Deno.resolveDns('a.example', 'A')"),
    Attempt("look up by node:dns", "return await builtin('node:dns').promises.lookup('localhost')"),
    Attempt(
        "ask a name server",
        "return await from((ok, no) => builtin('node:dns').resolve4('localhost', (e, found) => e ? no(e) : ok(found)))",
    ),
    Attempt("listen", "return Deno.listen({port: 0}).addr.port"),
    Attempt("serve", "return Deno.serve({port: 0}, () => new world.Response('x')).addr.port"),
    Attempt(
        "listen by node:net",
        "return await from((ok, no) => builtin('node:net').createServer().on('error', no).listen(0, () => ok(true)))",
    ),
    Attempt("import from a server", "return await world.eval('import(\"http://127.0.0.1:{port}/a.js\")')"),
    Attempt(
        "import from a server by the host's own loader",
        "const { Script, constants } = builtin('node:vm');"
        "const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;"
        "return await new Script('import(\"http://127.0.0.1:{port}/a.js\")', { importModuleDynamically }).runInThisContext()",
    ),
    Attempt("import a package", "return await world.eval('import(\"npm:lodash\")')"),
    Attempt("open the inspector", "builtin('node:inspector').open(0); return true"),
    Attempt(
        "inspect itself",
        "const s = new (builtin('node:inspector').Session)(); s.connect();"
        "return await from((ok, no) => s.post('Runtime.evaluate', {expression: '1'}, (e, r) => e ? no(e) : ok(r)))",
    ),
    Attempt(
        "loopback by other spellings",
        "const names = ['127.1', '0x7f.1', '2130706433', '0177.0.0.1', '[::ffff:127.0.0.1]', '[::]', '127。0。0。1', 'ⓛocalhost', 'a@127.0.0.1'];"
        "const all = names.map((name) => world.fetch(`http://${name}:{port}/`).then((r) => r.status, () => 0));"
        "return (await Promise.all(all)).some(Boolean)",
    ),
]

PROCESSES = [
    Attempt("run a program", "return new Deno.Command('id').outputSync().success"),
    Attempt("run a shell", "return builtin('node:child_process').execSync('id').length"),
    Attempt(
        "spawn",
        "return await from((ok, no) => builtin('node:child_process').spawn('id').on('exit', (c) => ok(c === 0)).on('error', no))",
    ),
    Attempt(
        "fork",
        "return await from((ok, no) => builtin('node:child_process').fork('{file}').on('spawn', ok).on('error', no))",
    ),
    Attempt("signal the parent", "process.kill(process.ppid, 0); return true"),
    Attempt("stop itself", "Deno.kill(Deno.pid, 'SIGSTOP'); await new Promise(() => {})", ends=True),
    Attempt(
        "load a library", "return Deno.dlopen('libc.so.6', {getpid: {parameters: [], result: 'i32'}}).symbols.getpid()"
    ),
    Attempt(
        "read memory by its address",
        "const { ops } = Deno[Deno.internal].core; return ops.op_ffi_read_u8(ops.op_ffi_ptr_of_exact(new Uint8Array([7])), 0)",
    ),
    Attempt("load an addon", "process.dlopen({exports: {}}, '{file}'); return true"),
    Attempt("reach for a binding", "return process.binding('spawn_sync').spawn({file: 'id'})"),
    Attempt("raise its priority", "builtin('node:os').setPriority(0, -10); return true"),
]

WORKERS = [
    Attempt(
        "read in a worker",
        "const code = \"postMessage(Deno.readTextFileSync('{file}'))\";"
        "return await from((ok, no) => { const w = new world.Worker('data:text/javascript,' + encodeURIComponent(code), {type: 'module'});"
        " w.onmessage = (e) => ok(e.data); w.onerror = (e) => { e.preventDefault(); no(new Error(e.message)) } })",
        ends=True,
    ),
    Attempt(
        "fetch in a worker",
        "const code = \"postMessage((await fetch('http://127.0.0.1:{port}/')).status)\";"
        "return await from((ok, no) => { const w = new world.Worker('data:text/javascript,' + encodeURIComponent(code), {type: 'module'});"
        " w.onmessage = (e) => ok(e.data); w.onerror = (e) => { e.preventDefault(); no(new Error(e.message)) } })",
        ends=True,
    ),
    Attempt(
        "a worker with permissions of its own",
        "return await from((ok, no) => { const w = new world.Worker('data:text/javascript,postMessage(Deno.readTextFileSync(\"{file}\"))',"
        " {type: 'module', deno: {permissions: {read: true}}}); w.onmessage = (e) => ok(e.data); w.onerror = (e) => { e.preventDefault(); no(new Error(e.message)) } })",
        ends=True,
    ),
    Attempt(
        "a thread of Node.js",
        "return await from((ok, no) => new (builtin('node:worker_threads').Worker)(\"require('fs').readFileSync('{file}')\", {eval: true})"
        ".on('exit', (code) => ok(code === 0)).on('error', no))",
        ends=True,
    ),
]

REALM = [
    Attempt(
        "the host by name", "return typeof globalThis.Deno !== 'undefined' || typeof globalThis.process !== 'undefined'"
    ),
    Attempt("require", "return require('fs')"),
    Attempt("import", "return await import('node:fs')"),
    Attempt("machine code", "return typeof WebAssembly !== 'undefined'"),
    Attempt("shared memory", "return typeof SharedArrayBuffer !== 'undefined' || typeof Atomics !== 'undefined'"),
    Attempt(
        "another realm's file system",
        "return builtin('node:vm').runInNewContext('this.constructor.constructor(\"return process\")()').mainModule.require('fs')",
    ),
    Attempt("a frame's caller", "return (function f() { return f.caller.arguments })()"),
    Attempt(
        "the stack of the host",
        "Error.prepareStackTrace = (_, frames) => frames.map((f) => f.getThis()).find(Boolean); return new Error().stack.Deno",
    ),
]

FORGING = [
    Attempt(
        "a nonce by what all objects inherit",
        "let stolen; world.Object.prototype.toJSON = function () { if (this.nonce) stolen = this.nonce; return this };"
        "await fetch('http://a.example/').catch(() => {}); delete world.Object.prototype.toJSON; return stolen",
    ),
    Attempt(
        "a nonce by what all bytes inherit",
        "let stolen; const kind = world.Uint8Array.prototype; const real = kind.subarray;"
        "kind.subarray = function (...a) { const text = String.fromCharCode(...this.slice(0, 60)); if (text.includes('nonce')) stolen = text; return real.apply(this, a) };"
        "await fetch('http://a.example/').catch(() => {}); kind.subarray = real; return stolen",
    ),
    Attempt(
        "a forged result",
        "Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({kind: 'result', id: 1, value: '\"forged\"'}) + '\\n'));"
        "await new Promise((ok) => setTimeout(ok, 100)); return false",
    ),
    Attempt(
        "a stolen nonce",
        "let stolen; const real = world.JSON.stringify; world.JSON.stringify = (v) => { stolen ??= v?.nonce; return real(v) };"
        "console.log('x'); await fetch('http://a.example/').catch(() => {}); world.JSON.stringify = real; return stolen",
    ),
    Attempt(
        "a nonce by push",
        "let stolen; const real = world.Array.prototype.push; world.Array.prototype.push = function (v) { if (String(v).includes('nonce')) stolen = v; return real.apply(this, arguments) };"
        "await fetch('http://a.example/').catch(() => {}); world.Array.prototype.push = real; return stolen",
    ),
    Attempt(
        "a nonce by the kind of all bytes",
        "let stolen; const kind = world.Uint8Array.prototype; const real = kind.constructor;"
        "kind.constructor = { [world.Symbol.species]: function (...a) { const made = new real(...a); const text = String.fromCharCode(...made.slice(0, 60)); if (text.includes('nonce')) stolen = text; return made } };"
        "console.log('x'); await fetch('http://a.example/').catch(() => {}); kind.constructor = real; return stolen",
    ),
    Attempt(
        "a nonce by the length of all bytes",
        "let stolen; const kind = Object.getPrototypeOf(world.Uint8Array.prototype); const real = Object.getOwnPropertyDescriptor(kind, 'length');"
        "Object.defineProperty(kind, 'length', { ...real, get() { const text = String.fromCharCode(...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => this[n])); if (text.includes('nonce')) stolen = text; return real.get.call(this) } });"
        "console.log('x'); await fetch('http://a.example/').catch(() => {}); Object.defineProperty(kind, 'length', real); return stolen",
        ends=True,
    ),
    Attempt(
        "a result that ends the line that it goes into",
        "world.Object.prototype.toJSON = function () { return this.kind === 'result' ? { ...this, value: '{}],\"id\":1,\"x\":[{}' } : this }; return 1",
        ends=True,
    ),
    Attempt(
        "garbage for the parent",
        "Deno.stdout.writeSync(new TextEncoder().encode('}{\\n')); await new Promise(() => {})",
        ends=True,
    ),
    Attempt(
        "a flood for the parent",
        "const line = new TextEncoder().encode('{}\\n'.repeat(1000)); for (;;) Deno.stdout.writeSync(line)",
        ends=True,
    ),
    Attempt(
        "a line without end",
        "const line = new TextEncoder().encode('x'.repeat(65536)); for (;;) Deno.stdout.writeSync(line)",
        ends=True,
    ),
]

EXHAUSTION = [
    Attempt("an endless loop", "for (;;);", ends=True),
    Attempt("an endless chain of promises", "for (;;) await null", ends=True),
    Attempt("a pattern without end", "return /^(a+)+$/.test('a'.repeat(40) + 'b')", ends=True),
    Attempt("a promise that nobody keeps", "await new Promise(() => {})"),
    Attempt(
        "buffers without end",
        "const all = []; for (;;) { all.push(new Uint8Array(1e7).fill(1)); await null }",
        ends=True,
    ),
    Attempt("objects without end", "const all = []; for (;;) all.push(new Array(1000).fill(1.1))", ends=True),
    Attempt("a string without end", "let text = 'x'; for (;;) text += text"),
    Attempt(
        "memory of machine code",
        "const all = []; for (;;) { const m = new world.WebAssembly.Memory({initial: 1000}); new Uint8Array(m.buffer).fill(1); all.push(m); await null }",
        ends=True,
    ),
    Attempt(
        "a wait that blocks",
        "const { SharedArrayBuffer, Int32Array, Atomics } = world; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6e4)",
        ends=True,
    ),
    Attempt("calendars without end", "for (;;) new Intl.DateTimeFormat('en-u-ca-islamic')", ends=True),
    Attempt("a list that never ends", "return [...{ *[Symbol.iterator]() { for (;;) yield 1 } }]", ends=True),
    Attempt("recursion without end", "const f = () => f() + 1; return f()"),
    Attempt("an exit", "Deno.exit(0)", ends=True),
    Attempt("an abort", "process.abort()", ends=True),
    Attempt("an error that is too large", "throw 'x'.repeat(5e6)"),
    Attempt("a result that writes itself", "return { toJSON() { for (;;); } }", ends=True),
    Attempt("an error that cannot be read", "throw new Proxy({}, { get() { throw 1 } })"),
    Attempt("an error that lies", "throw { get name() { for (;;); } }", ends=True),
    Attempt("a log without end", "for (let n = 0; n < 1e5; n++) console.log('x'.repeat(1000)); return false"),
    Attempt("poisoned promises", "world.Promise.prototype.then = () => { throw 1 }; return false", ends=True),
    Attempt(
        "poisoned arrays",
        "for (const name of ['push', 'join', 'map', 'slice']) world.Array.prototype[name] = () => { throw 1 }; return false",
        ends=True,
    ),
    Attempt(
        "requests without end",
        "const all = []; for (let n = 0; n < 300; n++) all.push(fetch('http://a.example/').then(() => 0, () => 0)); await Promise.all(all); return false",
    ),
    Attempt("timers that stay", "setInterval(() => { for (let n = 0; n < 1e7; n++); }, 1); return false"),
]

GROUPS = {
    "files": FILES,
    "environment": ENVIRONMENT,
    "network": NETWORK,
    "processes": PROCESSES,
    "workers": WORKERS,
    "realm": REALM,
    "forging": FORGING,
    "exhaustion": EXHAUSTION,
}
