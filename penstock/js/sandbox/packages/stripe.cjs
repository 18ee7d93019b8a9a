exports.stripe = () => require("stripe");
