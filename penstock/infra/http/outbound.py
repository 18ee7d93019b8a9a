"""Requests to the outside under the outbound policy: judged after DNS and on every hop, and connected as judged.

Invariants:
- A name is looked up once per hop, and the socket is opened to an address that the policy allows: no second look-up
  can answer something else.
- Every request has an end: bytes of the answer, hops, and the time of all of it. What passes the time is cut off at
  its socket, so that a server that drips holds no thread.
- What travels along to another host on a redirect: neither cookies nor credentials.

Errors:
    OutboundError           the request has no answer; `code` as Node.js calls it, `type` as node-fetch does
    └── OutboundRefused     the policy does not allow the address
"""

import asyncio
import contextlib
import http.client
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

from penstock.infra.http.policy import OutboundPolicy

_THREADS = 32
_CHUNK = 64 << 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OURS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "expect", "upgrade", "te", "trailer", "keep-alive"}
)
_SECRET = frozenset({"authorization", "cookie", "cookie2", "www-authenticate", "proxy-authorization"})
_PORTS = {"http": 80, "https": 443}


class OutboundError(Exception):
    """No answer came."""

    def __init__(self, message: str, code: str = "", type_: str = "system") -> None:
        super().__init__(message)
        self.code = code
        self.type = type_


class OutboundRefused(OutboundError):  # noqa: N818 - the consequence is in the name
    """The policy does not allow the address."""


class OutboundRequest(msgspec.Struct, frozen=True):
    """`redirect` is `follow`, `manual` or `error`."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    redirect: str = "follow"
    hops: int = 20
    seconds: float = 10.0
    answer_bytes: int = 2 << 20


class OutboundResponse(msgspec.Struct, frozen=True):
    """The last answer; its body is decoded."""

    status: int
    reason: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes
    is_redirected: bool


@cache
def _tls() -> ssl.SSLContext:
    """Read when it is first needed: the authorities that the system trusts are many."""
    return ssl.create_default_context()


class OutboundClient:
    """Makes requests, each on a connection of its own."""

    def __init__(self, policy: OutboundPolicy) -> None:
        self._policy = policy
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="outbound")

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Raises OutboundError, OutboundRefused."""
        exchange = _Exchange(self._policy, request)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(request.seconds):
                return await loop.run_in_executor(self._threads, exchange.run)
        except TimeoutError as error:
            raise OutboundError(f"network timeout at: {request.url}", "ETIMEDOUT", "request-timeout") from error
        finally:
            exchange.cut()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Connection(http.client.HTTPConnection):
    """To an address that was judged; the name is for the other side alone."""

    def __init__(self, name: str, address: tuple[str, int], seconds: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(name, address[1], timeout=seconds)
        self._address = address
        self._name = name
        self._tls = tls

    def connect(self) -> None:
        self.sock = socket.create_connection(self._address, self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


class _Exchange:
    """One request with its hops, in a thread. `cut` ends it from outside."""

    def __init__(self, policy: OutboundPolicy, request: OutboundRequest) -> None:
        self._policy = policy
        self._request = request
        self._deadline = time.monotonic() + request.seconds
        self._connection: _Connection | None = None
        self._is_cut = False

    def run(self) -> OutboundResponse:
        request = self._request
        url, method, headers, body = request.url, request.method, request.headers, request.body
        for hop in range(request.hops + 1):
            answer = self._once(url, method, headers, body, is_redirected=hop > 0)
            target = next((value for name, value in answer.headers if name == "location"), None)
            if answer.status not in _REDIRECTS or target is None or request.redirect == "manual":
                return answer
            if request.redirect == "error":
                raise OutboundError(f"redirect mode is set to error: {url}", type_="no-redirect")
            before, url = url, _joined(url, target)
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, body = "GET", b""
                headers = tuple(pair for pair in headers if not pair[0].lower().startswith("content-"))
            if urlsplit(before).netloc != urlsplit(url).netloc:
                headers = tuple(pair for pair in headers if pair[0].lower() not in _SECRET)
        raise OutboundError(f"maximum redirect reached at: {url}", type_="max-redirect")

    def cut(self) -> None:
        """Whatever waits at the socket returns."""
        self._is_cut = True
        if self._connection is not None and self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)

    def _once(
        self, url: str, method: str, headers: tuple[tuple[str, str], ...], body: bytes, *, is_redirected: bool
    ) -> OutboundResponse:
        target = _parsed(url)
        try:
            response = self._asked(target, method, headers, body)
            content = _decoded(self._read(response), response.getheader("content-encoding", ""), self._request)
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            raise _failure(url, error) from error
        finally:
            if self._connection is not None:
                self._connection.close()
        found = [(name.lower(), value) for name, value in response.getheaders()]
        return OutboundResponse(response.status, response.reason, url, found, content, is_redirected)

    def _asked(
        self, target: SplitResult, method: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> http.client.HTTPResponse:
        connection = self._connected(target)
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", target.netloc.rpartition("@")[2])
        for name, value in _completed(headers, method, body):
            connection.putheader(name, value)
        connection.endheaders(body or None)
        return connection.getresponse()

    def _connected(self, target: SplitResult) -> _Connection:
        """A connection to the first address that is allowed and answers."""
        tls = _tls() if target.scheme == "https" else None
        name = target.hostname or ""
        last: OSError | None = None
        for address in self._allowed(name, target.port or _PORTS[target.scheme]):
            self._connection = _Connection(name, address, self._left(), tls)
            try:
                self._connection.connect()
            except OSError as error:
                last = error
            else:
                if self._is_cut:
                    raise TimeoutError
                return self._connection
        raise last or OSError("no address")

    def _allowed(self, name: str, port: int) -> list[tuple[str, int]]:
        """Raises OutboundRefused where the name has no address that may be connected to."""
        if self._policy.is_closed:
            raise OutboundRefused(f"{name} is refused by the outbound policy: nothing may be called", "EACCES")
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        allowed = [address for address in addresses if self._policy.judge(address, port) is None]
        if not allowed:
            refusal = self._policy.judge(addresses[0], port) if addresses else None
            raise OutboundRefused(refusal.message if refusal else f"{name} has no address", "EACCES")
        return [(address, port) for address in allowed]

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """At most as much as is wanted, and no longer than there is time."""
        chunks, size = [], 0
        while chunk := response.read1(_CHUNK):
            size += len(chunk)
            if size > self._request.answer_bytes:
                raise _too_large(self._request)
            chunks.append(chunk)
            self._left()
        return b"".join(chunks)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0 or self._is_cut:
            raise TimeoutError
        return left


def _parsed(url: str) -> SplitResult:
    """Raises OutboundError."""
    try:
        target = urlsplit(url)
        if target.scheme in _PORTS and target.hostname and target.port != 0:
            return target
    except ValueError:
        pass
    raise OutboundError("Only HTTP(S) protocols are supported", "ERR_INVALID_URL")


def _joined(url: str, target: str) -> str:
    """Raises OutboundError where the other side names what is no address."""
    try:
        return urljoin(url, target)
    except ValueError as error:
        message = f"uri requested responds with an invalid redirect URL: {target}"
        raise OutboundError(message, "ERR_INVALID_URL", "invalid-redirect") from error


def _completed(headers: tuple[tuple[str, str], ...], method: str, body: bytes) -> Iterator[tuple[str, str]]:
    """What was asked for, but for what the connection itself needs to say."""
    given = {name.lower() for name, _ in headers}
    for name, value in headers:
        if name.lower() not in _OURS and not name.lower().startswith("proxy-"):
            yield name, value
    defaults = {"accept": "*/*", "user-agent": "Penstock", "accept-encoding": "gzip,deflate"}
    yield from ((name, value) for name, value in defaults.items() if name not in given)
    if body or method in ("POST", "PUT", "PATCH"):
        yield "content-length", str(len(body))
    yield "connection", "close"


def _decoded(raw: bytes, encoding: str, request: OutboundRequest) -> bytes:
    """Raises OutboundError where it grows beyond what is wanted."""
    windows = {"gzip": 31, "x-gzip": 31, "deflate": 15}
    window = windows.get(encoding.strip().lower())
    if window is None or not raw:
        return raw
    if window == 15 and raw[0] & 0x0F != 8:
        window = -15
    content = zlib.decompressobj(window).decompress(raw, request.answer_bytes + 1)
    if len(content) > request.answer_bytes:
        raise _too_large(request)
    return content


def _too_large(request: OutboundRequest) -> OutboundError:
    return OutboundError(f"content size at {request.url} over limit: {request.answer_bytes}", type_="max-size")


_CODES: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "ECONNREFUSED"),
    (ConnectionResetError, "ECONNRESET"),
    (BrokenPipeError, "EPIPE"),
    (socket.gaierror, "ENOTFOUND"),
    (ssl.SSLCertVerificationError, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
    (ssl.SSLError, "EPROTO"),
    (TimeoutError, "ETIMEDOUT"),
    (http.client.RemoteDisconnected, "ECONNRESET"),
    (http.client.HTTPException, "HPE_INVALID_CONSTANT"),
    (zlib.error, "Z_DATA_ERROR"),
)


def _failure(url: str, error: Any) -> OutboundError:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "")
    if isinstance(error, ValueError):
        return OutboundError(f"request to {url} cannot be made: {error}", "ERR_INVALID_CHAR")
    if isinstance(error, TimeoutError):
        return OutboundError(f"network timeout at: {url}", code, "request-timeout")
    return OutboundError(f"request to {url} failed, reason: {code or error}", code or "ECONNABORTED")
