"""The public port as the settings describe it: its address, and how connections to it are taken."""

import ssl
from pathlib import Path

import msgspec

from penstock.kit.settings import Settings, SettingsError
from penstock.processes.ports import reachable


class Listening(msgspec.Struct, frozen=True):
    """Where and how connections are taken."""

    host: str
    port: int
    connections: int = 8_192
    """At once; idle ones that clients keep count too. Others wait in the kernel until there is room."""
    idle_seconds: int = 30
    certificate: str = ""
    """A file in PEM; with `key`, the port speaks TLS."""
    key: str = ""


def address_of(settings: Settings) -> str:
    """How a client on this machine reaches it."""
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{reachable(settings.host)}:{settings.port}"


def listening_of(settings: Settings) -> Listening:
    """Raises SettingsError by name where the certificate cannot be used."""
    require_certificate(settings)
    return Listening(
        settings.host,
        settings.port,
        settings.connections,
        settings.idle_seconds,
        settings.tls_cert,
        settings.tls_key,
    )


def require_certificate(settings: Settings) -> None:
    """See that certificate and key are there and belong together. Raises SettingsError by name."""
    if not settings.tls_cert and not settings.tls_key:
        return
    for name in ("tls_cert", "tls_key"):
        file = getattr(settings, name)
        if not file:
            raise SettingsError(name, "settings", "a certificate and its key are only of use together")
        if not Path(file).is_file():
            raise SettingsError(name, "settings", f"there is no file {file}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError("tls_cert", "settings", f"the certificate and `tls_key` cannot be used: {error}") from error
