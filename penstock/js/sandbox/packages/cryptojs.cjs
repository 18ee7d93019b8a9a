exports.cryptojslib = () => ({ cryptojs: require("crypto-js") });
