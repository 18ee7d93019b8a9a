exports.winstonlib = () => ({ winston: require("winston") });
