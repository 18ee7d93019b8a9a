// Those of the client libraries that speak HTTP. Each is loaded when it is first touched.
exports.google = () => ({
  cloud: {
    get bigquery() {
      return require("@google-cloud/bigquery");
    },
    get storage() {
      return require("@google-cloud/storage");
    },
  },
});
