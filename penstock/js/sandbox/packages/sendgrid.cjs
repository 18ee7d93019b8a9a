exports.sendgrid = () => ({ client: require("@sendgrid/client"), mail: require("@sendgrid/mail") });
