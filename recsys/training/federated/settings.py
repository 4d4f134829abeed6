"""What a server asks of its venues, and how the two find each other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from recsys.training.configuration import NetworkConfig
from recsys.training.errors import BadRequest

LEAST_SECURE_VENUES = 3
"""With two, each venue could take its own share from the sum and hold the other's."""
MOST_VENUES = 64
MULTIPLE_TASKS = ("mmoe", "ple")


@dataclass(frozen=True, slots=True)
class Federation:
    """One federated training.

    Attributes:
        network: that everybody builds alike, from the seed.
        venues: that must have come before the first round.
        rounds: of local learning and averaging.
        epochs: passes of a venue over its log in each round.
        batch_size: rows of a step.
        secure: whether only the sum of the venues' changes can be read (SecAgg+).
        patience: seconds that an answer of a venue is waited for.

    Raises:
        BadRequest: a value makes no sense.
    """

    network: NetworkConfig
    venues: int
    rounds: int = 10
    epochs: int = 1
    batch_size: int = 256
    seed: int = 2026
    secure: bool = True
    patience: float = 600.0

    def __post_init__(self) -> None:
        least = LEAST_SECURE_VENUES if self.secure else 1
        if not least <= self.venues <= MOST_VENUES:
            raise BadRequest(
                f"venues must be between {least} and {MOST_VENUES}, got {self.venues}; "
                f"a sum of fewer than {LEAST_SECURE_VENUES} hides nobody"
            )
        if self.network.kind in MULTIPLE_TASKS:
            raise BadRequest(f"{self.network.kind} learns several tasks at once, which venues cannot do together")
        self.network.refuse_item_item("they are made of the logs of all venues, which nobody has")
        for name in ("rounds", "epochs", "batch_size", "patience"):
            if not getattr(self, name) > 0:
                raise BadRequest(f"{name} must be above 0, got {getattr(self, name)}")

    def instructions(self, number: int, spec: str) -> dict[str, Any]:
        """Write what venues are told in a round.

        Args:
            number: of the round.
            spec: digest of the features' specification.
        """
        return {
            "round": number,
            "network": json.dumps(self.network.document()),
            "seed": self.seed,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "spec": spec,
        }


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a venue was told; see `Federation.instructions`."""

    number: int
    network: NetworkConfig
    seed: int
    epochs: int
    batch_size: int
    spec: str

    @classmethod
    def read(cls, content: dict[str, Any]) -> Self:
        """Read instructions.

        Raises:
            BadRequest: they are none.
        """
        try:
            return cls(
                number=int(content["round"]),
                network=NetworkConfig.parse(json.loads(content["network"])),
                seed=int(content["seed"]),
                epochs=int(content["epochs"]),
                batch_size=int(content["batch_size"]),
                spec=str(content["spec"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, BadRequest):
                raise
            raise BadRequest(f"the server's instructions cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Link:
    """How server and venues reach each other.

    Attributes:
        address: host and port.
        authority: certificate (PEM) that the other side's is checked against; without one nothing is encrypted.
        certificate, key: of the server, PEM.
        venue_keys: public keys (PEM, elliptic curve) of the venues that may take part; empty lets everybody.
        own_key: private key (PEM) of this venue, one of the above.

    Raises:
        BadRequest: the address is none, or leads off this machine without encryption and keys.
    """

    address: str
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    venue_keys: tuple[Path, ...] = field(default=())
    own_key: Path | None = None

    def __post_init__(self) -> None:
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65_536:
            raise BadRequest(f"an address is host:port, for instance 127.0.0.1:9092, got {self.address!r}")
        keys = self.venue_keys or self.own_key
        if not (self.authority and keys) and not _here(host.strip("[]")):
            raise BadRequest(
                f"{self.address} leads off this machine: name certificates and venue keys, or use 127.0.0.1"
            )
        if self.certificate is not None and not (self.key and self.authority):
            raise BadRequest("a server's certificate comes with its key and the authority that signed it")


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
