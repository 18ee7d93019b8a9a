"""Who may be called: the one outbound policy of Python, the delivery host and the functions broker."""

from penstock.infra.http.policy import OutboundPolicy, PolicyError, Refusal

__all__ = ["OutboundPolicy", "PolicyError", "Refusal"]
