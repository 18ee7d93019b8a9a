"""Functions as authors have them from the original's documentation: what each does there, in words of our own.

Each is saved as it stands. `HOST` in settings is where the outside listens.
"""

from typing import Any, NamedTuple

TRACK = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u1",
    "messageId": "m1",
    "writeKey": "wk",
    "timestamp": "2026-01-02T03:04:05.000Z",
    "properties": {"order": 7, "email": "ada@mail.example", "total": 12.5},
}
IDENTIFY = {"type": "identify", "userId": "u1", "traits": {"email": "ada@mail.example"}}
REQUEST = {"url": "https://fn.example/?b=x&topic=orders", "headers": [["Content-Type", "application/json"]]}
REQUEST |= {"body": '{"customer_id":"c1","status":"active","items":[{"sku":"A"},{"sku":"B"}]}', "isForm": False}
SIGNED = REQUEST | {"headers": [["X-Signature", "472a9c2fdf7434a641efb7ee12d1739194a10587"]], "body": '{"user":"u1"}'}


class Example(NamedTuple):
    """`asked` are requests to the outside as (method, path), `sent` what it was told, as JSON or text."""

    code: str
    handler: str = "onTrack"
    given: Any = TRACK
    kind: str = "DESTINATION"
    settings: dict[str, Any] = {}
    consequence: str = "done"
    code_of_end: str = ""
    value: Any = None
    messages: list[dict[str, Any]] = []
    asked: list[tuple[str, str]] = []
    sent: Any = None


_SOURCE = {"handler": "onRequest", "given": REQUEST, "kind": "SOURCE"}
_INSERT = {"kind": "INSERT_DESTINATION"}

EXAMPLES = {
    "a webhook becomes a profile, events and an object": Example(
        """
async function onRequest(request, settings) {
  const payload = request.json()
  const topic = request.url.searchParams.get('topic')
  const kind = request.headers.get('content-type')
  Segment.identify({ userId: payload.customer_id, traits: { status: payload.status, kind } })
  payload.items.forEach((item) => {
    Segment.track({ event: `Item of ${topic}`, userId: payload.customer_id, properties: item })
  })
  Segment.set({ collection: 'customers', id: payload.customer_id, properties: { status: payload.status } })
}""",
        **_SOURCE,
        messages=[
            {"type": "identify", "userId": "c1", "traits": {"status": "active", "kind": "application/json"}},
            {"type": "track", "userId": "c1", "event": "Item of orders", "properties": {"sku": "A"}},
            {"type": "track", "userId": "c1", "event": "Item of orders", "properties": {"sku": "B"}},
            {"type": "set", "collection": "customers", "id": "c1", "properties": {"status": "active"}},
        ],
    ),
    "a signature is checked over the text": Example(
        """
async function onRequest(request, settings) {
  const digest = crypto.createHmac('sha1', settings.signingSecret).update(request.text(), 'utf-8').digest('hex')
  if (digest !== request.headers.get('x-signature')) throw new Error(`unexpected ${digest}`)
  Segment.identify({ userId: request.json().user })
}""",
        "onRequest",
        SIGNED,
        "SOURCE",
        {"signingSecret": "secret"},
        messages=[{"type": "identify", "userId": "u1"}],
    ),
    "a signature that does not hold takes nothing": Example(
        """
async function onRequest(request, settings) {
  Segment.identify({ userId: request.json().user })
  const digest = crypto.createHmac('sha1', 'another').update(request.text()).digest('hex')
  if (digest !== request.headers.get('x-signature')) throw new Error('signature')
}""",
        "onRequest",
        SIGNED,
        "SOURCE",
        consequence="refused",
        code_of_end="bad_request",
    ),
    "a group is told without a user": Example(
        """
async function onRequest(request) {
  const { customer_id } = request.json()
  Segment.group({ groupId: customer_id, traits: { name: 'Example' } })
}""",
        **_SOURCE,
        messages=[{"type": "group", "groupId": "c1", "traits": {"name": "Example"}}],
    ),
    "an api is asked for what the webhook left out": Example(
        """
async function onRequest(request, settings) {
  const { customer_id: id } = request.json()
  const response = await fetch(`${settings.HOST}/customers/${id}`, { headers: new Headers({ Accept: 'text/json' }) })
  const details = await response.json()
  Segment.track({ event: 'Seen', anonymousId: id, properties: { answer: details.answer } })
}""",
        **_SOURCE,
        messages=[{"type": "track", "anonymousId": "c1", "event": "Seen", "properties": {"answer": 42}}],
        asked=[("GET", "/customers/c1")],
    ),
    "an event is posted with a key": Example(
        """
async function onTrack(event, settings) {
  const endpoint = `${settings.HOST}/events`
  let response
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      headers: { Authorization: `Basic ${btoa(settings.apiKey + ':')}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ event: event.event, total: event.properties.total })
    })
  } catch (error) {
    throw new RetryError(error.message)
  }
  if (response.status >= 500 || response.status === 429) throw new RetryError(`Failed with ${response.status}`)
}""",
        settings={"apiKey": "k"},
        asked=[("POST", "/events")],
        sent={"event": "Order Completed", "total": 12.5},
    ),
    "an api that is down is tried again": Example(
        """
async function onTrack(event, settings) {
  const response = await fetch(settings.HOST + '/down', { method: 'POST', body: JSON.stringify(event) })
  if (response.status >= 500 || response.status === 429) throw new RetryError(`Failed with ${response.status}`)
}""",
        consequence="retried",
        code_of_end="retry",
        asked=[("POST", "/down")],
    ),
    "an api that cannot be reached is tried again": Example(
        """
async function onTrack(event, settings) {
  try { await fetch('http://127.0.0.1:9/') } catch (error) { throw new RetryError(error.message) }
}""",
        consequence="retried",
        code_of_end="retry",
    ),
    "an event without an id is no payload": Example(
        """
async function onTrack(event, settings) {
  if (!event.anonymousId) throw new InvalidEventPayload('anonymousId is required')
}""",
        consequence="refused",
        code_of_end="message_rejected",
    ),
    "settings that are wrong are a validation error": Example(
        """
async function onTrack(event, settings) {
  if (!(settings.apiKey || '').startsWith('key-')) throw new ValidationError('the key is malformed')
}""",
        consequence="refused",
        code_of_end="message_rejected",
    ),
    "a type that the author left in the template": Example(
        "async function onAlias(event, settings) { throw new EventNotSupported('alias is not supported') }",
        "onAlias",
        {"type": "alias", "userId": "u1", "previousId": "p"},
        consequence="refused",
        code_of_end="unsupported_event_type",
    ),
    "a person is deleted at the destination": Example(
        """
async function onDelete(event, settings) {
  await fetch(`${settings.HOST}/people/${event.userId}`, { method: 'DELETE' })
}""",
        "onDelete",
        {"type": "delete", "userId": "u1"},
        asked=[("DELETE", "/people/u1")],
    ),
    "a token is asked for once": Example(
        """
const ttl = 5 * 60 * 1000
async function getAccessToken(settings) {
  const response = await fetch(`${settings.HOST}/oauth/token`, { method: 'POST' })
  return (await response.json()).answer
}
async function onTrack(event, settings) {
  let token
  for (let n = 0; n < 3; n++) token = await cache.load('token', ttl, async () => getAccessToken(settings))
  await fetch(`${settings.HOST}/with/${token}`)
}""",
        asked=[("POST", "/oauth/token"), ("GET", "/with/42")],
    ),
    "an event is forwarded to another source": Example(
        """
async function onTrack(event, settings) {
  delete event.messageId
  delete event.writeKey
  const request = new Request(`${settings.HOST}/v1/track`, {
    method: 'POST', headers: { Authorization: 'Basic ' + btoa('other:'), 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...event, properties: {} })
  })
  await fetch(request)
}""",
        asked=[("POST", "/v1/track")],
        sent={
            "type": "track",
            "event": "Order Completed",
            "userId": "u1",
            "timestamp": "2026-01-02T03:04:05.000Z",
            "properties": {},
        },
    ),
    "a form is posted": Example(
        """
async function onTrack(event, settings) {
  await fetch(`${settings.HOST}/form`, { method: 'POST', body: new URLSearchParams({ user: event.userId, n: '1' }) })
}""",
        asked=[("POST", "/form")],
        sent="user=u1&n=1",
    ),
    "a module takes the place of its wrapper": Example(
        """
zlib = zlib.zlib
const pack = (text) => new Promise((ok, no) => zlib.gzip(text, (error, bytes) => (error ? no(error) : ok(bytes))))
async function onTrack(event) {
  return zlib.gunzipSync(await pack(event.event)).toString()
}""",
        value="Order Completed",
    ),
    "a batch tells of each of its events": Example(
        """
async function onBatch(events, settings) {
  const promises = events.map(async (event) => {
    if (event.type !== 'track') throw new EventNotSupported(event.type)
    const response = await fetch(settings.HOST + (event.event === 'Late' ? '/down' : '/up'), { method: 'POST' })
    if (!response.ok) throw new RetryError(`${response.status}`)
  })
  const results = await Promise.allSettled(promises)
  return results.map(({ status, reason }) => {
    if (status === 'fulfilled') return { status: 200 }
    return { status: reason instanceof RetryError ? 500 : 400, errormessage: reason.message }
  })
}""",
        "onBatch",
        [TRACK, IDENTIFY, TRACK | {"event": "Late"}],
        value=[{"status": 200}, {"status": 400, "errormessage": "identify"}, {"status": 500, "errormessage": "503"}],
        asked=[("POST", "/down"), ("POST", "/up")],
    ),
    "an event is enriched on its way": Example(
        """
async function onTrack(event, settings) {
  const response = await fetch(`${settings.HOST}/lookup?user=${encodeURIComponent(event.userId)}`, { timeout: 2000 })
  event.properties = { answer: (await response.json()).answer }
  return event
}""",
        **_INSERT,
        value=TRACK | {"properties": {"answer": 42}},
        asked=[("GET", "/lookup?user=u1")],
    ),
    "an address is hashed on its way": Example(
        """
async function onIdentify(event) {
  const { email } = event.traits
  event.traits.email = crypto.createHash('md5').update(email.toLowerCase()).digest('hex').length
  return event
}""",
        "onIdentify",
        IDENTIFY,
        **_INSERT,
        value=IDENTIFY | {"traits": {"email": 32}},
    ),
    "an event is dropped on purpose": Example(
        """
async function onTrack(event) {
  if (event.properties.email.endsWith('@mail.example')) throw new DropEvent('of our own')
  return event
}""",
        **_INSERT,
        consequence="dropped",
        code_of_end="FILTERED_AT_INSERT_FUNCTION",
    ),
    "what is not returned does not pass": Example(
        "async function onTrack(event) { if (event.event === 'Order Refunded') return event }", **_INSERT, value=None
    ),
    "a batch passes in part": Example(
        "async function onBatch(events) { return events.filter((event) => event.type === 'identify') }",
        "onBatch",
        [TRACK, IDENTIFY],
        **_INSERT,
        value=[IDENTIFY],
    ),
}
