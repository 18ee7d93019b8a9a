exports.azure = () => ({ identity: require("@azure/identity") });
