"""What the creatives of a catalogue look like, as one table: kept beside a log, and handed to rankers with a catalogue.

Of advertising media only: pictures that somebody uploaded to be shown. A frame of a camera is never described.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from recsys.columns import Words

ALWAYS = np.iinfo(np.int64).min
"""Since when a creative has looked as it does, where it never looked otherwise."""

Vector = NDArray[np.float32]


class LooksUnreadable(ValueError):
    """A file is no table of looks."""


@dataclass(frozen=True)
class Looks:
    """Vectors of pictures by the creative's key; each picture was described once.

    Attributes:
        vision: what described them, see `recsys.pictures.vision.Vision`; only models that learnt from it can read them.
        width: numbers of a vector.
        vectors: float32, shape (width,) each; a creative without a picture has none.
        since: microseconds since 1970 UTC from which on a creative has looked so; before, it had another picture.
    """

    vision: str
    width: int
    vectors: Mapping[str, Vector]
    since: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.vectors)

    def knows(self, keys: Sequence[str]) -> bool:
        """Tell whether any of some creatives has a picture."""
        return any(key in self.vectors for key in keys)

    def of(self, keys: Sequence[str]) -> NDArray[np.float32]:
        """Lay out the pictures of creatives, float32, shape (creatives, width); zeros where there is none."""
        laid = np.zeros((len(keys), self.width), dtype=np.float32)
        for place, key in enumerate(keys):
            if key in self.vectors:
                laid[place] = self.vectors[key]
        return laid

    def of_rows(self, creatives: Words, at: NDArray[np.int64]) -> NDArray[np.float32]:
        """Lay out the pictures of a log's rows as training wants them, float32, shape (rows, 1, width).

        Zeros where a creative has no picture, or had another one then: no row knows what came after it.

        Args:
            creatives: the creative of each row.
            at: microseconds since 1970 UTC, shape (rows,).
        """
        table = np.concatenate([self.of(creatives.vocabulary), np.zeros((1, self.width), dtype=np.float32)])
        since = np.array([*(self.since.get(key, ALWAYS) for key in creatives.vocabulary), ALWAYS], dtype=np.int64)
        rows = table[creatives.codes]
        rows[at < since[creatives.codes]] = 0
        return rows[:, None, :]

    def write(self, path: Path) -> None:
        """Write the table as a file that `read` understands; the same table gives the same bytes."""
        keys = sorted(self.vectors)
        about = {"vision": self.vision, "keys": keys, "since": [self.since.get(key, ALWAYS) for key in keys]}
        buffer = BytesIO()
        np.save(buffer, self.of(keys), allow_pickle=False)
        path.write_bytes(json.dumps(about).encode() + b"\n" + buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table.

        Raises:
            LooksUnreadable: the file is missing, cut short or no such table.
        """
        try:
            first, _, rest = path.read_bytes().partition(b"\n")
            about = json.loads(first)
            vectors = np.load(BytesIO(rest), allow_pickle=False)
            keys, since = [str(key) for key in about["keys"]], [int(one) for one in about["since"]]
            if vectors.dtype != np.float32 or vectors.ndim != 2 or not np.isfinite(vectors).all():
                raise ValueError(f"{vectors.dtype} of shape {vectors.shape}")
            return cls(
                str(about["vision"]),
                int(vectors.shape[1]),
                dict(zip(keys, vectors, strict=True)),
                dict(zip(keys, since, strict=True)),
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise LooksUnreadable(
                f"{path.name} holds no looks of creatives ({error}); expected what Looks.write wrote: export again"
            ) from error
