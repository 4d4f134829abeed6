"""What a ranking network is made of: its kind, and the numbers that the kind leaves open."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal, Self, get_args

from recsys.training.errors import BadRequest

Kind = Literal["logistic", "fm", "deepfm", "fwfm", "dcn", "din", "dotdin", "bst", "sasrec", "gru", "mmoe", "ple"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Pace = Literal["tried", "steady", "swift"]
PACES: Final[tuple[Pace, ...]] = get_args(Pace)

COMMON: Final = (
    "forgetting", "omission", "penalty", "spread", "learning_rate", "pace", "picture", "least_seen", "item_item",
)  # fmt: skip
DEEP: Final = ("hidden", "dropout")
WIDTHS: Final = ("width", "narrow")
USES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "logistic": COMMON,
    "fm": (*COMMON, "width"),
    "deepfm": (*COMMON, *DEEP, "width"),
    "fwfm": (*COMMON, *DEEP, "width"),
    "dcn": (*COMMON, *DEEP, *WIDTHS, "crosses"),
    "din": (*COMMON, *DEEP, *WIDTHS, "attention"),
    "dotdin": (*COMMON, *DEEP, *WIDTHS),
    "bst": (*COMMON, *DEEP, *WIDTHS, "attention", "blocks", "heads"),
    "sasrec": (*COMMON, *WIDTHS, "dropout", "blocks", "heads"),
    "gru": (*COMMON, *DEEP, *WIDTHS, "units"),
    "mmoe": (*COMMON, *DEEP, *WIDTHS, "experts", "tower"),
    "ple": (*COMMON, *DEEP, *WIDTHS, "experts", "tower"),
}
"""Which numbers each kind looks at; to give it another one is a mistake, and refused."""

USUAL: Final[Mapping[Kind, Mapping[str, Any]]] = {
    "fm": {"width": 8},
    "deepfm": {"width": 8},
    "fwfm": {"width": 8},
    "ple": {"experts": 1},
}
"""Where a kind is better off with other numbers than the rest."""

MOST_LAYERS = 6
_TUPLES = ("hidden", "attention")
_WHOLE = {
    "width": (1, 512),
    "narrow": (1, 512),
    "hidden": (1, 4_096),
    "attention": (1, 1_024),
    "crosses": (1, 8),
    "blocks": (1, 8),
    "heads": (1, 16),
    "units": (1, 1_024),
    "experts": (1, 32),
    "tower": (1, 1_024),
    "picture": (0, 4_096),
    "least_seen": (1, 1_000_000),
    "item_item": (0, 512),
}
_SHARES = {
    "dropout": (0.0, 0.95),
    "forgetting": (0.0, 0.95),
    "omission": (0.0, 0.95),
    "penalty": (0.0, 1.0),
    "spread": (1e-6, 1.0),
    "learning_rate": (1e-7, 1.0),
}


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """One network.

    Attributes:
        width: of the vectors of viewers and creatives; of all vectors where a kind multiplies them with each other.
        narrow: of all other vectors.
        hidden: units of the layers of the deep part; experts have these, too.
        attention: units of the layers of DIN's attention network.
        crosses: cross layers.
        blocks, heads: of self-attention; heads must divide the width of a behaviour.
        units: of the recurrent state.
        experts: shared experts, and as many of each task's own where a kind has such.
        tower: units of the layer above the experts, one for each task.
        dropout: share of hidden units left out while training.
        forgetting: share of viewers who are made anonymous while training.
        omission: share of what else is known of the viewer's side (moment, place, size of the party) that is left out
            while training, each feature by itself.
        penalty: L2 penalty on the vectors that a batch looks up.
        spread: standard deviation of initial vectors.
        learning_rate: of Adam.
        pace: how tables of many ids are learnt: `steady` by Adam, `swift` by Adagrad, which moves an id that is met for
            the first time twenty times as far, or `tried`: on a long log both, and what validation rows find better is
            kept, see `recsys.training.fit`.
        picture: numbers of a creative's picture, see `recsys.pictures`; 0 for a network that looks at none.
        least_seen: times that an id must occur in the train part to have a vector of its own; those met more rarely
            share one, see `recsys.training.rare`. 1 for a vector for every id.
        item_item: rank of the weights from what a viewer engaged with to the candidate, see `recsys.training.items`; 0
            for none. A log without histories of creatives has none either.

    Raises:
        BadRequest: a value makes no sense.
    """

    kind: Kind
    width: int = 16
    narrow: int = 8
    hidden: tuple[int, ...] = (64, 32)
    attention: tuple[int, ...] = (32, 16)
    crosses: int = 2
    blocks: int = 1
    heads: int = 2
    units: int = 32
    experts: int = 3
    tower: int = 16
    dropout: float = 0.2
    forgetting: float = 0.5
    omission: float = 0.5
    penalty: float = 1e-2
    spread: float = 1e-2
    learning_rate: float = 1e-3
    pace: Pace = "tried"
    picture: int = 0
    least_seen: int = 1
    item_item: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadRequest(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.pace not in PACES:
            raise BadRequest(f"pace must be one of {', '.join(PACES)}, got {self.pace!r}")
        for name in _TUPLES:
            layers = getattr(self, name)
            if type(layers) is not tuple or not 1 <= len(layers) <= MOST_LAYERS:
                raise BadRequest(f"{name} must be a list of 1 to {MOST_LAYERS} layers, got {layers!r}")
        for name, (least, most) in _WHOLE.items():
            for value in getattr(self, name) if name in _TUPLES else (getattr(self, name),):
                if type(value) is not int or not least <= value <= most:
                    raise BadRequest(f"{name} must be a whole number from {least} to {most}, got {value!r}")
        for name, (lowest, highest) in _SHARES.items():
            value = getattr(self, name)
            if type(value) not in (int, float) or not math.isfinite(value) or not lowest <= value <= highest:
                raise BadRequest(f"{name} must be a number from {lowest:g} to {highest:g}, got {value!r}")

    @classmethod
    def of(cls, kind: str, **changes: Any) -> Self:
        """Make the usual network of a kind, with some numbers changed.

        Raises:
            BadRequest: there is no such kind, the kind does not look at such a number, or a value makes no sense.
        """
        return cls.parse({"kind": kind, **changes})

    @classmethod
    def parse(cls, content: Any) -> Self:
        """Make a configuration of a JSON object; what it leaves out has the usual value of its kind.

        Raises:
            BadRequest: a key or a value is not one of this kind's.
        """
        if not isinstance(content, Mapping):
            raise BadRequest(f"a network is a JSON object with a kind, got {content!r}")
        kind = content.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise BadRequest(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        unknown = sorted(set(content) - {"kind", *USES[kind]})
        if unknown:
            raise BadRequest(f"{kind} does not look at {', '.join(unknown)}; it does at {', '.join(USES[kind])}")
        values: dict[str, Any] = {**USUAL.get(kind, {}), **content}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**values)

    def document(self) -> dict[str, Any]:
        """Return the kind and the numbers that it looks at, as `parse` understands them."""
        values = {name: getattr(self, name) for name in USES[self.kind]}
        lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
        return {"kind": self.kind, **values, **lists}

    def refuse_item_item(self, why: str) -> None:
        """Refuse item-item weights where they would break a promise.

        Raises:
            BadRequest: there are to be some.
        """
        if self.item_item:
            raise BadRequest(f"item_item must be 0 here, got {self.item_item}: {why}")

    @property
    def digest(self) -> str:
        """SHA-256 over the document, as 64 hexadecimal digits."""
        return sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()
