"""The part of the RSGI interface that the edge uses, as types: the server itself is fenced in `processes`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

HeaderList = list[tuple[str, str]]


class Headers(Protocol):
    """Names are lower case."""

    def get(self, key: str) -> str | None: ...

    def get_all(self, key: str) -> list[str]: ...

    def items(self) -> HeaderList: ...


class Scope(Protocol):
    """One request. `path` is percent-decoded; `client` is `address:port`."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def query_string(self) -> str: ...

    @property
    def client(self) -> str: ...

    @property
    def scheme(self) -> str: ...

    @property
    def http_version(self) -> str:
        """`1`, `1.1` or `2`."""
        ...

    @property
    def authority(self) -> str | None:
        """The host that HTTP/2 names."""
        ...

    @property
    def headers(self) -> Headers: ...


class Stream(Protocol):
    """The body of an answer that is sent in pieces."""

    async def send_bytes(self, data: bytes) -> None: ...


class Reading(Awaitable[bytes], Protocol):
    """A whole body that is being read. It may be asked for from the server's thread; callbacks run on the loop's."""

    def add_done_callback(self, callback: "Callable[[Reading], None]") -> None: ...

    def result(self) -> bytes:
        """Raises CancelledError after `cancel`, and an error of the server's where the client has gone."""
        ...

    def cancel(self) -> bool: ...


class Leaving(Protocol):
    """That the client has gone. A task must not await it: it could not be cancelled."""

    def add_done_callback(self, callback: "Callable[[Leaving], None]") -> None: ...

    def cancel(self) -> bool: ...


class Exchange(Protocol):
    """One request's body and its answer. Awaiting the call gives the whole body; iterating gives pieces."""

    def __call__(self) -> Reading: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def client_disconnect(self) -> "Leaving": ...

    def response_bytes(self, status: int, headers: HeaderList, body: bytes) -> None: ...

    def response_empty(self, status: int, headers: HeaderList) -> None: ...

    def response_stream(self, status: int, headers: HeaderList) -> Stream: ...
