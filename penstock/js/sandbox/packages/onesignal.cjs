exports.oneSignal = () => ({ oneSignal: require("onesignal-node") });
