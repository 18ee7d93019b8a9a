"""Variables that whoever starts a role hands to it besides the settings."""

import os

from penstock.infra.http import OutboundPolicy
from penstock.infra.mail import Mailer
from penstock.kit.settings import Settings
from penstock.processes.public_port import address_of

PORT_VARIABLE = "PENSTOCK_CONTROL_PORT"
"""Where control listens on loopback: control binds it, edges pass on to it what they do not answer themselves."""
LOCAL_TOKEN_VARIABLE = "PENSTOCK_LOCAL_TOKEN"  # noqa: S105 - the name of a variable
"""The token of `run.json`."""
ALONE_VARIABLE = "PENSTOCK_ALONE"
"""Set where the role was started by `penstock run`, not by a supervisor."""
READY_FILE_VARIABLE = "PENSTOCK_READY_FILE"
EMBEDDED_VARIABLE = "PENSTOCK_LOG_IS_EMBEDDED"
"""Set where the log engine is a child of the same supervisor, and its store lies in the data directory."""
OWN_PORTS_VARIABLE = "PENSTOCK_OWN_PORTS"
"""Ports of the installation, separated by commas: nothing that a user configures may connect to them."""


def outbound_policy(settings: Settings) -> OutboundPolicy:
    """Which addresses this process may connect to for users."""
    ports = [int(port) for port in os.environ.get(OWN_PORTS_VARIABLE, "").split(",") if port]
    return OutboundPolicy.checked(settings.outbound_allow, settings.host, ports)


def public_url(settings: Settings) -> str:
    """Where people and other services reach the installation, without a slash at the end."""
    return settings.public_url.rstrip("/") or address_of(settings)


def mailer(settings: Settings) -> Mailer | None:
    """What sends letters, where a server for it is configured."""
    if not settings.smtp_url:
        return None
    return Mailer(settings.smtp_url, settings.smtp_sender, public_url(settings))
