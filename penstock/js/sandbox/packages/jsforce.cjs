exports.jsforce = () => require("jsforce");
