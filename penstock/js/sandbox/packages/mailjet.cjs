exports.nodemailjet = () => ({ nodemailjet: require("node-mailjet") });
