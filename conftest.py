"""Fixtures that every test may use, and how properties are tested."""

from hypothesis import HealthCheck, settings

from penstock.testing.control_plane import control
from penstock.testing.nats_server import log, nats_server, own_nats_server

__all__ = ["control", "log", "nats_server", "own_nats_server"]

# Timings belong in `make bench`: a busy machine must not fail a property.
settings.register_profile("penstock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("penstock")
