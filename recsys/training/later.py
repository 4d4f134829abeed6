"""The newest rows of a log, to measure models on, and what has to be known of the rows before them.

The log is gone through three times and never held: once to check it and to find where its parts begin, once for the
words of the rows, and once to encode those that are measured on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.features import DEFAULT_SPEC, FeatureSpec
from recsys.pictures.looks import Looks
from recsys.training.dataset import evenly, parts_of
from recsys.training.examples import Examples, Split, check_classes
from recsys.training.gathering import gather
from recsys.training.reading import LogFile
from recsys.training.survey import Survey, survey

MEASURED_ROWS = 250_000
"""Rows that are measured on at most, about 0.5 kB each; of a longer test part an even sample is."""
TEST = Split._fields.index("test")


@dataclass(frozen=True)
class Later:
    """The test part of a log.

    Attributes:
        test: its rows, or an even sample of them.
        earlier: rows, and positives among them, of the parts before, by the word of the source.
        creatives: words of the parts before.
        words: of columns of the whole log, by name; the absent word is ``"None"``.
    """

    test: Examples
    earlier: Mapping[str, tuple[int, int]]
    creatives: frozenset[str]
    words: Mapping[str, frozenset[str]]


def read_later(
    path: Path,
    named: Sequence[str] = (),
    *,
    spec: FeatureSpec = DEFAULT_SPEC,
    looks: Looks | None = None,
    most: int = MEASURED_ROWS,
) -> Later:
    """Read the part of a log that training holds back for the end; it is split as by `recsys.training.dataset`.

    Args:
        named: columns whose words are to be told.
        looks: what the creatives look like, added to the feeds.
        most: rows of the test part to hold.

    Raises:
        TrainingRefused: see `recsys.training.dataset.read_split`.
    """
    log = LogFile(path)
    found = survey(log, spec)
    _, part_of = parts_of(found, found.latest(None))
    for place, name in enumerate(Split._fields):
        check_classes(name, found.labels[part_of == place], len(part_of))
    measured = np.where(part_of == TEST, np.int8(0), np.int8(-1))
    test = gather(log, spec, evenly(measured, -(-int((part_of == TEST).sum()) // most)))
    creatives: set[str] = set()
    words: dict[str, set[str]] = {name: set() for name in named}
    for chunk in log.chunks(["creative", *named]):
        early = pa.array(part_of[chunk.first : chunk.first + chunk.table.num_rows] < TEST)
        creatives.update(pc.unique(chunk.table["creative"].filter(early)).to_pylist())
        for name, known in words.items():
            known.update(str(word) for word in pc.unique(chunk.table[name]).to_pylist())
    return Later(
        test=test.looked_at(looks) if looks else test,
        earlier=_rates(found, part_of < TEST),
        creatives=frozenset(creatives),
        words={name: frozenset(known) for name, known in words.items()},
    )


def _rates(found: Survey, early: np.ndarray) -> dict[str, tuple[int, int]]:
    """Count the earlier rows of each source, and the positives among them."""
    rows = np.bincount(found.source[early], minlength=len(found.sources))
    positives = np.bincount(found.source[early], weights=found.labels[early], minlength=len(found.sources))
    return {word: (int(rows[code]), int(positives[code])) for code, word in enumerate(found.sources)}
