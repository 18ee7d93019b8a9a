// A destination whose receiver answers per item, so that a batch ends differently for each of its events.
const core = require("@segment/actions-core");
const { MultiStatusResponse } = require("@segment/actions-core/destination-kit/action");

async function performBatch(request, { payload, settings }) {
  const response = await request(settings.endpoint, { method: "post", json: payload.map((one) => one.email) });
  const found = new MultiStatusResponse();
  response.data.forEach((status, index) => {
    const sent = payload[index];
    if (status < 300) found.setSuccessResponseAtIndex(index, { status, sent, body: "stored" });
    else found.setErrorResponseAtIndex(index, { status, errormessage: `status ${status}`, sent, body: "no" });
  });
  return found;
}

exports.core = core;
exports.Destination = core.Destination;
exports.socketFetch = core.fetch;
exports.loaders = {
  multistatus: () => ({
    name: "Per item (test)",
    mode: "cloud",
    authentication: {
      scheme: "custom",
      fields: { endpoint: { label: "Endpoint", description: "", type: "string", required: true } },
    },
    actions: {
      store: {
        title: "Store",
        description: "",
        fields: { email: { label: "Email", description: "", type: "string", required: true } },
        perform: (request, { payload, settings }) => request(settings.endpoint, { method: "post", json: payload }),
        performBatch,
      },
      crash: {
        title: "Crash",
        description: "",
        fields: {},
        perform: () => undefined.nothing,
      },
      hold: {
        title: "Hold",
        description: "",
        fields: {},
        perform: () => new Promise(() => undefined),
      },
      spin: {
        title: "Spin",
        description: "",
        fields: {},
        perform: () => {
          for (;;);
        },
      },
      curious: {
        title: "Curious",
        description: "",
        fields: { way: { label: "Way", description: "", type: "string" } },
        perform: async (_request, { payload }) => {
          if (payload.way === "fetch") await fetch("http://127.0.0.1:8280/");
          if (payload.way === "deno") await Deno.connect({ hostname: "127.0.0.1", port: 8280 });
          if (payload.way === "file") Deno.readTextFileSync("/etc/passwd");
          if (payload.way === "process") new Deno.Command("true").outputSync();
          if (payload.way === "socket") require("node:net").connect("/tmp/penstock.sock");
          if (payload.way === "environment") throw new Error(`env ${JSON.stringify(process.env.HOME ?? null)}`);
          if (payload.way === "print") console.log('{"id":1,"ok":true}');
          if (payload.way === "udp") require("node:dgram").createSocket("udp4");
          if (payload.way === "http2") {
            const session = require("node:http2").connect("http://127.0.0.1:8280");
            return new Promise((resolve, reject) => session.on("error", reject).on("connect", resolve));
          }
          if (payload.way === "tls") {
            const socket = require("node:tls").connect({ host: "127.0.0.1", port: 8280 });
            return new Promise((resolve, reject) => socket.on("error", reject).on("secureConnect", resolve));
          }
          return new Promise((resolve) => setTimeout(resolve, 50));
        },
      },
    },
  }),
};
