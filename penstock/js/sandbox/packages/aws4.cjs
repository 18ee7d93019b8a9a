exports.aws4 = () => ({ aws4: require("aws4") });
