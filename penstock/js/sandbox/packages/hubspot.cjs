exports.hubspotlib = () => ({ hubspot: require("@hubspot/api-client") });
