"""Going through a whole log once: checking every row, and learning how to split it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.features import FeatureSpec
from recsys.training.checking import Identities, Vocabularies, check_chunk, fingerprints
from recsys.training.errors import DuplicateExamples
from recsys.training.reading import LogFile, instants, labels, words


@dataclass(frozen=True, slots=True)
class Survey:
    """What is remembered of each row, in the order of the file: sixteen bytes.

    Attributes:
        at: microseconds since 1970 UTC, int64, shape (rows,).
        labels: float32, shape (rows,).
        source: places in ``sources``, int32, shape (rows,).
        sources: the distinct words.
    """

    at: NDArray[np.int64]
    labels: NDArray[np.float32]
    source: NDArray[np.int32]
    sources: tuple[str, ...]

    def latest(self, rows: int | None) -> int:
        """Find the time of the oldest of the latest so many rows, of all if None."""
        if rows is None or rows >= len(self.at):
            return int(self.at.min())
        return int(np.partition(self.at, len(self.at) - rows)[len(self.at) - rows])


def survey(log: LogFile, spec: FeatureSpec) -> Survey:
    """Check all rows of a log, a chunk at a time, and remember what a split by time needs.

    Raises:
        TrainingRefused: a value, a type or the whole is not what training needs; the class says which.
    """
    vocabularies, identities = Vocabularies(spec), Identities()
    sources: dict[str, int] = {}
    at, found, codes = [], [], []
    for chunk in log.chunks():
        check_chunk(chunk.table)
        vocabularies.see(chunk.table)
        identities.see(chunk.table["example_id"])
        at.append(instants(chunk.table))
        found.append(labels(chunk.table))
        source = words(chunk.table["source"])
        places = [sources.setdefault(word, len(sources)) for word in source.vocabulary]
        codes.append(np.array(places, dtype=np.int32)[source.codes])
    vocabularies.finish()
    _refuse_repeated(log, identities)
    return Survey(np.concatenate(at), np.concatenate(found), np.concatenate(codes), tuple(sources))


def _refuse_repeated(log: LogFile, identities: Identities) -> None:
    """Compare the words themselves where fingerprints agree."""
    suspects = identities.repeated()
    if not len(suspects):
        return
    seen: set[str] = set()
    for chunk in log.chunks(["example_id"]):
        column = chunk.table["example_id"].combine_chunks()
        alike = pa.array(np.isin(fingerprints(column), suspects))
        for word in pc.filter(column, alike).to_pylist():
            if word in seen:
                raise DuplicateExamples("example_id must be different in every row")
            seen.add(word)
