exports.clickHouseClient = () => ({ clickHouseClient: require("@clickhouse/client") });
