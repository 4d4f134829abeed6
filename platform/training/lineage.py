"""What a model came from: which code, which configuration, which libraries."""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import recsys

APART = ("parquet", "output", "seed", "shard_key", "checkpoints", "looks")
"""Parts of a request that lineage names otherwise, by the data's and the file's digest and the seed, or never tells."""


DECIDED = ("kind", "configuration", "vision", "looks")


@cache
def code_version() -> str:
    """Return Vitrine's version and a digest over the source of ``recsys``, for instance ``0.1.0+9f86d081884c``."""
    root = Path(recsys.__file__).parent
    digest = sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return f"{version('vitrine')}+{digest.hexdigest()[:12]}"


def configuration_digest(request: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Return the SHA-256 over what decided about a training beside its data, code and seed, as JSON with sorted keys.

    Args:
        request: the fields of a ``recsys.training.request.TrainingRequest``.
        report: of the training; its kind, the configuration of its network and what it looked at.
    """
    asked = {name: value for name, value in request.items() if name not in APART}
    decided = {"request": asked, **{name: report.get(name) for name in DECIDED}}
    return sha256(json.dumps(decided, sort_keys=True, default=str).encode()).hexdigest()


def libraries(report: Mapping[str, Any]) -> dict[str, str]:
    """Return the versions of the libraries a training names."""
    named = report.get("versions")
    return {str(name): str(number) for name, number in named.items()} if isinstance(named, Mapping) else {}
