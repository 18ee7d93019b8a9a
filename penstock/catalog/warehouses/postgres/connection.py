"""Connecting: the address is looked up once, judged by the outbound policy, and connected to as it was judged."""

import socket
from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg

from penstock.catalog.warehouses.port import Step, WarehouseUnreachable
from penstock.infra.http import OutboundPolicy

_CONNECT_SECONDS = 10
_DEFAULT_PORT = 5432
_LOGIN_REFUSALS = ("authentication failed", "no pg_hba.conf entry", "does not exist", "is not permitted to log in")


class PostgresSettings(msgspec.Struct, frozen=True):
    """What the catalog's options say."""

    hostname: str
    port: int
    database: str
    username: str
    password: str

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "PostgresSettings":
        """Raises WarehouseUnreachable naming the setting."""
        texts = {name: str(settings.get(name) or "") for name in ("hostname", "database", "username", "password")}
        for name in ("hostname", "database", "username"):
            if not texts[name]:
                raise WarehouseUnreachable(Step.SETTINGS, f"the setting `{name}` is missing")
        port = str(settings.get("port") or _DEFAULT_PORT).strip()
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
            raise WarehouseUnreachable(Step.SETTINGS, f"the setting `port` must be a port, not {port[:20]!r}")
        return cls(port=int(port), **texts)

    @property
    def name(self) -> str:
        """Of the target, without the password."""
        return f"postgres://{self.username}@{self.hostname}:{self.port}/{self.database}"


def connect(settings: PostgresSettings, policy: OutboundPolicy) -> psycopg.Connection[tuple[Any, ...]]:
    """A session in UTC without a transaction. Raises WarehouseUnreachable."""
    address = _address(settings, policy)
    try:
        connection = psycopg.connect(
            host=settings.hostname,
            hostaddr=address,
            port=settings.port,
            dbname=settings.database,
            user=settings.username,
            password=settings.password,
            connect_timeout=_CONNECT_SECONDS,
            application_name="penstock",
            keepalives_idle=30,
            options="-c timezone=UTC -c client_encoding=UTF8 -c datestyle=ISO",
            autocommit=True,
        )
    except psycopg.Error as error:
        reason = str(error).strip()
        step = Step.LOGIN if any(text in reason for text in _LOGIN_REFUSALS) else Step.NETWORK
        raise WarehouseUnreachable(step, reason) from error
    connection.prepare_threshold = None  # schemas change between loads
    return connection


def _address(settings: PostgresSettings, policy: OutboundPolicy) -> str:
    try:
        found = socket.getaddrinfo(settings.hostname, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WarehouseUnreachable(Step.NAME, f"{settings.hostname}: {error}") from error
    refusal = None
    for *_, address in found:
        refusal = policy.judge(str(address[0]), settings.port)
        if refusal is None:
            return str(address[0])
    raise WarehouseUnreachable(Step.NETWORK, refusal.message if refusal else "the name has no address")
