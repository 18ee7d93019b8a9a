exports.mailchimplib = () => ({ mailchimp: require("@mailchimp/mailchimp_marketing") });
