// Each module by the global that it is; asked for when the code of a function first touches it.
exports._ = () => require("lodash");
exports.fetchretrylib = () => ({ fetchretry: require("fetch-retry") });
exports.jsonwebtoken = () => require("jsonwebtoken");
exports.libphonenumberjslib = () => ({ libphonenumberjs: require("libphonenumber-js") });
exports.moment = () => require("moment-timezone");
exports.OAuth = () => require("oauth");
exports.uuidv5 = () => ({ uuidv5: require("uuidv5") });
exports.xml = () => require("xml");
exports.xml2js = () => require("xml2js");
