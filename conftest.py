"""Fixtures that every test may use."""

from penstock.testing.control_plane import control
from penstock.testing.nats_server import log, nats_server, own_nats_server

__all__ = ["control", "log", "nats_server", "own_nats_server"]
