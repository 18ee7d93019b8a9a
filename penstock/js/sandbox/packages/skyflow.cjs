exports.skyflowlib = () => ({ skyflow: require("skyflow-node") });
