"""The part of the RSGI interface that the edge uses, as types: the server itself is fenced in `processes`."""

from collections.abc import AsyncIterator
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
    def headers(self) -> Headers: ...


class Stream(Protocol):
    """The body of an answer that is sent in pieces."""

    async def send_bytes(self, data: bytes) -> None: ...


class Exchange(Protocol):
    """One request's body and its answer. Awaiting the call gives the whole body; iterating gives pieces."""

    async def __call__(self) -> bytes: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def response_bytes(self, status: int, headers: HeaderList, body: bytes) -> None: ...

    def response_empty(self, status: int, headers: HeaderList) -> None: ...

    def response_stream(self, status: int, headers: HeaderList) -> Stream: ...
