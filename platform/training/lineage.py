"""Which code trained a model."""

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import recsys


@cache
def code_version() -> str:
    """Return Vitrine's version and a digest over the source of ``recsys``, for instance ``0.1.0+9f86d081884c``."""
    root = Path(recsys.__file__).parent
    digest = sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return f"{version('vitrine')}+{digest.hexdigest()[:12]}"
