exports.twilio = () => require("twilio");
