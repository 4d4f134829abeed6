"""What a caller asks of a training."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from recsys.guard import FeaturePolicy
from recsys.training.configuration import KINDS
from recsys.training.configuration import Kind as Kind
from recsys.training.errors import BadRequest

Quantisation = Literal["float16", "int8"]
QUANTISATIONS: tuple[Quantisation, ...] = get_args(Quantisation)
USUAL: tuple[Kind, ...] = ("din", "deepfm")


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """One training.

    Attributes:
        parquet: the exported log, see `recsys.training.dataset.SCHEMA`.
        output: directory for the ONNX files, made if missing.
        kinds: networks to train; the better one on validation is exported.
        epochs: at most this many passes over the train part, None for as many as a log of its size needs.
        max_rows: use only the latest rows, None for all.
        retrieval: also train the two towers.
        behaviour: also train the behaviour model.
        quantise: `float16` or `int8` for a smaller file where it ranks as well, None for the full one.
        denied: what scenes deny, see `recsys.guard.FeaturePolicy`; a log with such a column is refused.

    Raises:
        BadRequest: a value makes no sense.
    """

    parquet: Path
    output: Path
    kinds: tuple[Kind, ...] = USUAL
    seed: int = 2026
    epochs: int | None = None
    batch_size: int = 1024
    max_rows: int | None = None
    retrieval: bool = True
    behaviour: bool = True
    quantise: Quantisation | None = None
    denied: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(KINDS) or len(set(self.kinds)) != len(self.kinds):
            raise BadRequest(f"kinds must be some of {', '.join(KINDS)}, each once, got {list(self.kinds)}")
        if not 0 <= self.seed < 2**31:
            raise BadRequest(f"seed must be between 0 and 2147483647, got {self.seed}")
        if self.quantise not in (None, *QUANTISATIONS):
            raise BadRequest(f"quantise must be one of {', '.join(QUANTISATIONS)} or null, got {self.quantise!r}")
        for name in ("epochs", "batch_size", "max_rows"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadRequest(f"{name} must be at least 1, got {value}")
        if not all(isinstance(entry, str) and entry for entry in self.denied):
            raise BadRequest(f"denied must hold names, patterns and families of features, got {list(self.denied)}")

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
        unknown = set(content) - {field.name for field in fields(cls)}
        if unknown:
            raise BadRequest(f"unknown keys {sorted(unknown)}")
        for name in ("parquet", "output"):
            if not isinstance(content.get(name), str):
                raise BadRequest(f"{name} must be a path")
        for name, kind in _TYPES.items():
            if name in content and (type(content[name]) not in kind):
                raise BadRequest(f"{name} has the wrong type: {content[name]!r}")
        values = dict(content, parquet=Path(content["parquet"]), output=Path(content["output"]))
        values |= {name: tuple(values[name]) for name in ("kinds", "denied") if name in values}
        return cls(**values)

    def write(self, path: Path) -> None:
        """Write the request as a JSON file that `read` understands."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        path.write_text(json.dumps(values | {"parquet": str(self.parquet), "output": str(self.output)}), "utf-8")


_TYPES: dict[str, tuple[type, ...]] = {
    "kinds": (list,),
    "seed": (int,),
    "epochs": (int, type(None)),
    "batch_size": (int,),
    "max_rows": (int, type(None)),
    "retrieval": (bool,),
    "behaviour": (bool,),
    "quantise": (str, type(None)),
    "denied": (list,),
}
