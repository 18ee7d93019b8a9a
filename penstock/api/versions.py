"""Which contract a request speaks, decided here and nowhere else; a handler never asks.

The seed contract is the default. A vendor media type in `Accept`, or the User-Agent of an official client, gets the
official contract in a version that the operation offers: the one asked for, else its most stable.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

JSON = "application/json"


class Contract(StrEnum):
    """The seed, and the official contract's versions, the most stable first."""

    SEED = "seed"
    V1 = "v1"
    BETA = "v1beta"
    ALPHA = "v1alpha"

    @property
    def is_official(self) -> bool:
        return self is not Contract.SEED


OFFICIAL = (Contract.V1, Contract.BETA, Contract.ALPHA)
_NAMES = {"v1": Contract.V1, "stable": Contract.V1, "v1beta": Contract.BETA, "beta": Contract.BETA}
_NAMES |= {"v1alpha": Contract.ALPHA, "alpha": Contract.ALPHA}
_VENDOR = re.compile(r"application/vnd\.segment\.([a-z0-9]+)\+json", re.IGNORECASE)
_CLIENT = re.compile(r"Public[ +]API[ +]SDK|Segment \(terraform", re.IGNORECASE)
"""The SDKs, and the Terraform provider: one of them under a name of its own."""


class Wire(msgspec.Struct, frozen=True):
    """The contract of one request and the media type of its answer."""

    contract: Contract
    media_type: str = JSON


SEED_WIRE = Wire(Contract.SEED)


def decide(headers: Mapping[str, str], offered: Sequence[Contract]) -> Wire:
    """The wire of a request to an operation that offers these official versions, the most stable first."""
    accept = headers.get("accept", "")
    asked = [_NAMES.get(name.lower()) for name in _VENDOR.findall(accept)]
    if asked:
        contract = next((version for version in asked if version in offered), offered[0])
        assert contract is not None  # noqa: S101 - every offered version is one
        is_plain_first = accept.lstrip().lower().startswith(JSON)
        return Wire(contract, JSON if is_plain_first else f"application/vnd.segment.{contract}+json")
    if _CLIENT.match(headers.get("user-agent", "")):
        return Wire(offered[0])
    return SEED_WIRE


def invalid_status(contract: Contract) -> int:
    """The answer to a request that does not fit its schema: the seed declares no 422, the official no 400."""
    return 422 if contract.is_official else 400
