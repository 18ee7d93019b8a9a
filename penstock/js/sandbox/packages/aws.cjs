// The second version of the SDK, which is what functions know. A service that is not listed is not there.
exports.AWS = () => {
  const AWS = require("aws-sdk/global");
  require("aws-sdk/clients/cloudwatchlogs");
  require("aws-sdk/clients/comprehend");
  require("aws-sdk/clients/dynamodb");
  require("aws-sdk/clients/eventbridge");
  require("aws-sdk/clients/firehose");
  require("aws-sdk/clients/kinesis");
  require("aws-sdk/clients/kms");
  require("aws-sdk/clients/lambda");
  require("aws-sdk/clients/personalizeevents");
  require("aws-sdk/clients/pinpoint");
  require("aws-sdk/clients/s3");
  require("aws-sdk/clients/secretsmanager");
  require("aws-sdk/clients/ses");
  require("aws-sdk/clients/sns");
  require("aws-sdk/clients/sqs");
  require("aws-sdk/clients/ssm");
  require("aws-sdk/clients/stepfunctions");
  require("aws-sdk/clients/sts");
  return AWS;
};
