"""What a caller asks of a training."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from recsys.guard import FeaturePolicy
from recsys.training.configuration import KINDS
from recsys.training.configuration import Kind as Kind
from recsys.training.errors import BadRequest
from recsys.training.private.terms import PrivacyTerms
from recsys.training.unlearning.sharding import Sharding

Quantisation = Literal["float16", "int8"]
Retriever = Literal["two_tower", "factors", "neighbours"]
RETRIEVERS: tuple[Retriever, ...] = get_args(Retriever)
QUANTISATIONS: tuple[Quantisation, ...] = get_args(Quantisation)
USUAL: tuple[Kind, ...] = ("dotdin", "deepfm")
SEVERAL_TASKS: tuple[Kind, ...] = ("mmoe", "ple")


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """One training.

    Attributes:
        parquet: the exported log, see `recsys.training.dataset.SCHEMA`.
        output: directory for the ONNX files, made if missing.
        looks: what the log's creatives look like, see `recsys.pictures.looks`; networks look at their pictures then.
            None, or a table that knows none of them, for networks that look at none.
        kinds: networks to train; the better one on validation is exported.
        epochs: at most this many passes over the train part, None for as many as a log of its size needs.
        max_rows: use only the latest rows, None for all.
        retrieval: also train two towers.
        retriever: what makes the towers: `two_tower` networks, or collaborative filtering by `factors` or `neighbours`.
        behaviour: also train the behaviour model.
        quantise: `float16` or `int8` for a smaller file where it ranks as well, None for the full one.
        denied: what scenes deny, see `recsys.guard.FeaturePolicy`; a log with such a column is refused.
        shards, slices, shard_key: train so that people can be forgotten cheaply, see
            `recsys.training.unlearning.sharding.Sharding`; the key as hexadecimal digits.
        checkpoints: folder of the shards' checkpoints, which are personal data; None to keep none.
        privacy: train with differential privacy on these terms.

    Raises:
        BadRequest: a value makes no sense.
    """

    parquet: Path
    output: Path
    kinds: tuple[Kind, ...] = USUAL
    looks: Path | None = None
    seed: int = 2026
    epochs: int | None = None
    batch_size: int = 1024
    max_rows: int | None = None
    retrieval: bool = True
    retriever: Retriever = "two_tower"
    behaviour: bool = True
    quantise: Quantisation | None = None
    denied: tuple[str, ...] = ()
    shards: int = 1
    slices: int = 1
    shard_key: str = field(default="", repr=False)
    checkpoints: Path | None = None
    privacy: PrivacyTerms | None = None

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(KINDS) or len(set(self.kinds)) != len(self.kinds):
            raise BadRequest(f"kinds must be some of {', '.join(KINDS)}, each once, got {list(self.kinds)}")
        if not 0 <= self.seed < 2**31:
            raise BadRequest(f"seed must be between 0 and 2147483647, got {self.seed}")
        if self.retriever not in RETRIEVERS:
            raise BadRequest(f"retriever must be one of {', '.join(RETRIEVERS)}, got {self.retriever!r}")
        if self.quantise not in (None, *QUANTISATIONS):
            raise BadRequest(f"quantise must be one of {', '.join(QUANTISATIONS)} or null, got {self.quantise!r}")
        for name in ("epochs", "batch_size", "max_rows"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadRequest(f"{name} must be at least 1, got {value}")
        if not all(isinstance(entry, str) and entry for entry in self.denied):
            raise BadRequest(f"denied must hold names, patterns and families of features, got {list(self.denied)}")
        if self.sharding.shards > 1 and self.privacy is not None:
            raise BadRequest("a training is in shards or private, not both")
        if self.is_protected:
            self._refuse_unprotected()

    @property
    def sharding(self) -> Sharding:
        """How people are dealt out."""
        try:
            return Sharding(self.shards, self.slices, bytes.fromhex(self.shard_key))
        except ValueError as error:
            if isinstance(error, BadRequest):
                raise
            raise BadRequest("shard_key must be hexadecimal digits") from error

    @property
    def is_protected(self) -> bool:
        """Whether the training promises something about people; see `recsys.training.protected`."""
        return self.shards > 1 or self.privacy is not None

    def _refuse_unprotected(self) -> None:
        if self.looks is not None:
            raise BadRequest("a training in shards or in private looks at no pictures: leave looks out")
        if len(self.kinds) != 1 or self.kinds[0] in SEVERAL_TASKS or self.retrieval or self.behaviour or self.quantise:
            raise BadRequest(
                "a training in shards or in private is of one network with one task and nothing beside it: name one of "
                f"kinds, none of {', '.join(SEVERAL_TASKS)}, set retrieval and behaviour to false, and quantise to null"
            )

    @property
    def policy(self) -> FeaturePolicy:
        """What the log's columns may be."""
        return FeaturePolicy(frozenset(self.denied))

    @classmethod
    def read(cls, path: Path) -> TrainingRequest:
        """Read a request from a JSON file.

        Raises:
            BadRequest: the file is no JSON object, or its keys or values are not a request's.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadRequest(f"{path.name} cannot be read as JSON: {error}") from error
        return cls.parse(content)

    @classmethod
    def parse(cls, content: Any) -> TrainingRequest:
        """Make a request of a JSON object.

        Raises:
            BadRequest: its keys or values are not a request's.
        """
        if not isinstance(content, dict):
            raise BadRequest("a training request is a JSON object")
        unknown = set(content) - {each.name for each in fields(cls)}
        if unknown:
            raise BadRequest(f"unknown keys {sorted(unknown)}")
        for name in ("parquet", "output"):
            if not isinstance(content.get(name), str):
                raise BadRequest(f"{name} must be a path")
        if content.get("privacy") is not None:
            content = dict(content, privacy=PrivacyTerms.parse(content["privacy"]))
        for name, kind in _TYPES.items():
            if name in content and (type(content[name]) not in kind):
                raise BadRequest(f"{name} has the wrong type: {content[name]!r}")
        values = dict(content, parquet=Path(content["parquet"]), output=Path(content["output"]))
        values |= {name: tuple(values[name]) for name in ("kinds", "denied") if name in values}
        values |= {name: Path(values[name]) for name in ("looks", "checkpoints") if values.get(name) is not None}
        return cls(**values)

    def write(self, path: Path) -> None:
        """Write the request as a JSON file that `read` understands."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values["privacy"] = asdict(self.privacy) if self.privacy is not None else None
        path.write_text(json.dumps(values, default=str), "utf-8")


_TYPES: dict[str, tuple[type, ...]] = {
    "kinds": (list,),
    "looks": (str, type(None)),
    "seed": (int,),
    "epochs": (int, type(None)),
    "batch_size": (int,),
    "max_rows": (int, type(None)),
    "retrieval": (bool,),
    "retriever": (str,),
    "behaviour": (bool,),
    "quantise": (str, type(None)),
    "denied": (list,),
    "shards": (int,),
    "slices": (int,),
    "shard_key": (str,),
    "checkpoints": (str, type(None)),
    "privacy": (PrivacyTerms, type(None)),
}
