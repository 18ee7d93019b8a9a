import base64
import json

import pytest

from penstock.js.build import build_modules
from penstock.js.sandbox.modules import FILES, modules_for

EVENT = b'{"name":"a","list":[3,1,2]}'
KEY = """crypto.generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
}).privateKey"""
AWS = "{region: 'eu-west-1', accessKeyId: 'a', secretAccessKey: 'b'}"
GOOGLE = f"{{projectId: 'p', credentials: {{client_email: 'a@b', private_key: {KEY}}}}}"
ASSUMED = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>AK</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
TOKEN = b'{"access_token":"t","expires_in":3600,"token_type":"Bearer"}'
ANSWERS = {
    "https://bucket.s3.eu-west-1.amazonaws.com/k": b"",
    "https://login.microsoftonline.com/t/oauth2/v2.0/token": TOKEN,
    "https://sts.amazonaws.com/": ASSUMED,
    "https://www.googleapis.com/oauth2/v4/token": TOKEN,
}
"""What the outside answers; everything else is answered with an id."""


@pytest.fixture(scope="module", autouse=True)
def modules():
    return build_modules(say=lambda _: None)


class Outside:
    """Stands for the other side of the broker, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    async def __call__(self, wish):
        self.asked.append(wish)
        body = ANSWERS.get(wish.url.partition("?")[0], b'{"id":"x","sid":"x"}')
        # As the broker answers: the body is plain, whatever the headers tell of its way.
        headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("Content-Length", "7")]
        answer = {"status": 200, "statusText": "OK", "url": wish.url, "redirected": False, "headers": headers}
        return answer | {"body": base64.b64encode(body).decode()}


async def value_of(begin, expression, **options):
    sandbox = await begin(f"async function onTrack(event) {{ return {expression} }}", **options)
    ran = await sandbox.invoke("onTrack", EVENT, b"{}", 60)
    assert ran is not None, "it took too long"
    assert ran.error is None, ran.error
    return ran.value.decode(), ran.logs


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("_.sortBy(event.list)", "[1,2,3]"),
        ("_.isPlainObject(event) && _.isArray(event.list)", "true"),
        ("(_ = _.sum, _(event.list))", "6"),
        ("moment.tz('2026-01-02T03:04:05Z', 'Asia/Tokyo').format()", '"2026-01-02T12:04:05+09:00"'),
        ("jsonwebtoken.verify(jsonwebtoken.sign({a: 1}, 'k', {noTimestamp: true}), 'k')", '{"a":1}'),
        ("new libphonenumberjslib.libphonenumberjs('+12133734253').country", '"US"'),
        ("(uuidv5 = uuidv5.uuidv5, uuidv5('dns', 'example.com'))", '"cfbff0d1-9375-5685-968c-48ce8b15ae17"'),
        ("xml({a: [{b: 'c'}]})", '"<a><b>c</b></a>"'),
        ("await xml2js.parseStringPromise('<a><b>c</b></a>')", '{"a":{"b":["c"]}}'),
        (
            "new OAuth.OAuth('u', 'u', 'k', 's', '1.0', null, 'HMAC-SHA1').signUrl('http://a/').includes('oauth_signature')",
            "true",
        ),
        ("await fetchretrylib.fetchretry(async () => ({ok: true}))('http://a/')", '{"ok":true}'),
        ("typeof https.request", '"function"'),
        (
            "cryptojslib.cryptojs.SHA256('a').toString()",
            '"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"',
        ),
        (
            "aws4.aws4.sign({host: 'a.amazonaws.com'}, {accessKeyId: 'a', secretAccessKey: 'b'}).headers.Host",
            '"a.amazonaws.com"',
        ),
    ],
)
async def test_modules_are_there_as_the_original_has_them(begin, expression, value):
    assert (await value_of(begin, expression))[0] == value


SPEAKING = {
    "azure.identity": (
        "(await new azure.identity.ClientSecretCredential('t', 'c', 's').getToken('https://a.example/.default')).token",
        '"t"',
        "POST https://login.microsoftonline.com/t/oauth2/v2.0/token",
    ),
    "clickHouseClient": (
        (
            "(await clickHouseClient.clickHouseClient.createClient({url: 'https://c.example:8443'})"
            ".insert({table: 't', values: [{a: 1}], format: 'JSONEachRow', query_id: 'q'})).executed"
        ),
        "true",
        "POST https://c.example:8443/?query_id=q&query=INSERT+INTO+t+FORMAT+JSONEachRow",
    ),
    "AWS of S3": (
        f"await new AWS.S3({AWS}).putObject({{Bucket: 'bucket', Key: 'k', Body: 'hello'}}).promise()",
        "{}",
        "PUT https://bucket.s3.eu-west-1.amazonaws.com/k",
    ),
    "AWS of STS": (
        (
            f"(await new AWS.STS({AWS}).assumeRole({{RoleArn: 'arn:aws:iam::123456789012:role/x', RoleSessionName: 's', "
            "ExternalId: 'e'}).promise()).Credentials"
        ),
        '{"AccessKeyId":"AK"}',
        "POST https://sts.amazonaws.com/",
    ),
    "AWS of DynamoDB": (
        f"await new AWS.DynamoDB.DocumentClient({AWS}).put({{TableName: 't', Item: {{a: 1}}}}).promise()",
        "{}",
        "POST https://dynamodb.eu-west-1.amazonaws.com/",
    ),
    "google.cloud.storage": (
        (
            f"(await new google.cloud.storage.Storage({GOOGLE}).bucket('b').file('f')"
            ".save('x', {resumable: false, validation: false}), 1)"
        ),
        "1",
        "POST https://storage.googleapis.com/upload/storage/v1/b/b/o?uploadType=multipart&name=f",
    ),
    "google.cloud.bigquery": (
        f"(await new google.cloud.bigquery.BigQuery({GOOGLE}).dataset('d').table('t').insert([{{a: 1}}])).length",
        "1",
        "POST https://bigquery.googleapis.com/bigquery/v2/projects/p/datasets/d/tables/t/insertAll?prettyPrint=false",
    ),
    "hubspotlib": (
        "(await new hubspotlib.hubspot.Client({accessToken: 't'}).crm.contacts.basicApi.getById('1')).id",
        '"x"',
        "GET https://api.hubapi.com/crm/v3/objects/contacts/1",
    ),
    "jsforce": (
        (
            "(await new jsforce.Connection({instanceUrl: 'https://sf.example', accessToken: 't'})"
            ".sobject('Account').retrieve('1')).id"
        ),
        '"x"',
        "GET https://sf.example/services/data/v42.0/sobjects/Account/1",
    ),
    "mailchimplib": (
        "(mailchimplib.mailchimp.setConfig({apiKey: 'k-us1', server: 'us1'}), await mailchimplib.mailchimp.ping.get()).id",
        '"x"',
        "GET https://us1.api.mailchimp.com/3.0/ping",
    ),
    "nodemailjet": (
        (
            "(await nodemailjet.nodemailjet.apiConnect('a', 'b').post('send', {version: 'v3.1'})"
            ".request({Messages: []})).body.id"
        ),
        '"x"',
        "POST https://api.mailjet.com/v3.1/send",
    ),
    "oneSignal": (
        "(await new oneSignal.oneSignal.Client('app', 'key').createNotification({contents: {en: 'x'}})).body.id",
        '"x"',
        "POST https://onesignal.com/api/v1/notifications",
    ),
    "OAuth": (
        (
            "await new Promise((ok) => new OAuth.OAuth2('a', 'b', 'https://a.example')"
            ".getOAuthAccessToken('c', {}, (error, token, refresh, results) => ok(results.id)))"
        ),
        '"x"',
        "POST https://a.example/oauth/access_token",
    ),
    "sendgrid.mail": (
        (
            "(sendgrid.mail.setApiKey('SG.x'), "
            "(await sendgrid.mail.send({to: 'a@b.c', from: 'a@b.c', subject: 's', text: 't'}))[0].statusCode)"
        ),
        "200",
        "POST https://api.sendgrid.com/v3/mail/send",
    ),
    "sendgrid.client": (
        "(sendgrid.client.setApiKey('SG.x'), (await sendgrid.client.request({url: '/v3/x', method: 'GET'}))[1].id)",
        '"x"',
        "GET https://api.sendgrid.com/v3/x",
    ),
    "skyflowlib": (
        (
            "(await skyflowlib.skyflow.Skyflow.init({vaultID: 'v', vaultURL: 'https://v.example', "
            "getBearerToken: async () => jsonwebtoken.sign({exp: 9999999999}, 'k')})"
            ".getById({records: [{ids: ['1'], table: 't', redaction: 'DEFAULT'}]}).catch(() => 'asked'))"
        ),
        '"asked"',
        "GET https://v.example/v1/vaults/v/t?skyflow_ids=1&redaction=DEFAULT",
    ),
    "stripe": (
        "(await stripe('sk_test').customers.create({email: 'a@b.c'})).id",
        '"x"',
        "POST https://api.stripe.com/v1/customers",
    ),
    "twilio": (
        "(await twilio('AC1', 'token').messages.create({body: 'hi', from: '+1', to: '+2'})).sid",
        '"x"',
        "POST https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
    ),
}
"""By module: what is called, what it returns, and the last request that it makes."""


@pytest.mark.parametrize("name", SPEAKING)
async def test_modules_that_speak_http_do_so_over_the_one_way_out(begin, name):
    expression, value, request = SPEAKING[name]
    outside = Outside()
    assert (await value_of(begin, expression, fetcher=outside))[0] == value
    last = outside.asked[-1]
    assert f"{last.method} {last.url}".split("?client-request-id=")[0] == request


async def test_a_module_may_log(begin):
    logger = "new winstonlib.winston.Logger({transports: [new winstonlib.winston.transports.Console()]})"
    assert (await value_of(begin, f"({logger}.info('hello'), 1)"))[1] == ["log info: hello"]


def test_no_module_is_without_a_test():
    tried = " ".join(expression for expression, *_ in SPEAKING.values())
    others = {"_", "fetchretrylib", "libphonenumberjslib", "moment", "uuidv5", "xml", "xml2js", "cryptojslib", "aws4"}
    named = {name for names in FILES.values() for name in names}
    assert named - others - {"winstonlib"} == {name for name in named if f"{name}." in tried or f"{name}(" in tried}


REQUEST = """await new Promise((ok, no) => {
    const asked = https.request(%s, { method: "POST", headers: { "X-A": "b", Host: "x" }, auth: "u:p" }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => (text += part)).on("end", () => ok([answer.statusCode, answer.headers, text]));
    });
    asked.on("error", no);
    asked.write("one ");
    asked.end("two");
})"""


async def test_a_request_is_made_whole_and_read_whole(begin):
    outside = Outside()
    value, _ = await value_of(begin, REQUEST % "'https://a.example:8443/b?c=d'", fetcher=outside)
    headers = {"content-type": "application/json", "content-length": "20"}
    assert json.loads(value) == [200, headers, '{"id":"x","sid":"x"}']
    (wish,) = outside.asked
    assert (wish.method, wish.url, wish.redirect) == ("POST", "https://a.example:8443/b?c=d", "manual")
    assert sorted(map(tuple, wish.headers)) == [("authorization", "Basic dTpw"), ("x-a", "b")]
    assert base64.b64decode(wish.body) == b"one two"


async def test_a_refusal_of_the_policy_is_the_error_of_the_request(begin):
    sandbox = await begin(f"async function onTrack() {{ return {REQUEST % repr('https://a.example/')} }}")
    ran = await sandbox.invoke("onTrack", EVENT, b"{}", 60)
    assert ran.error.message == "refused by the outbound policy"


async def test_a_request_that_is_given_up_is_not_answered(begin):
    code = "await new Promise((ok) => https.get('https://a.example/').on('error', (error) => ok(error.code)).destroy())"
    assert (await value_of(begin, code, fetcher=Outside()))[0] == '"ECONNRESET"'


async def test_what_needs_more_than_http_is_refused_with_its_name(begin):
    code = "new winstonlib.winston.transports.File({filename: 'x'}).log('info', 'x', {}, () => {})"
    ran = await (await begin(f"function onTrack() {{ {code} }}")).invoke("onTrack", EVENT, b"{}", 60)
    assert ran.error.message == "fs.stat is not available to functions; use fetch"


async def test_a_name_of_a_module_can_be_taken(begin):
    sandbox = await begin("const moment = 1; function onTrack(_) { return moment }")
    assert (await sandbox.invoke("onTrack", EVENT, b"{}", 60)).value == b"1"


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("_.map([])", 1),
        ("x = moment(_)", 1),
        ("stripe('x'); AWS.config", 2),
        ("event._id", 0),
        ("$_", 0),
        ("xmlish", 0),
        ("event.stripe", 0),
    ],
)
def test_code_is_given_the_modules_that_it_names(code, files):
    assert len(modules_for(code)) == files
