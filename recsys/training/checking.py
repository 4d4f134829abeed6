"""Whether the values of a log are what training needs, looked at a chunk of rows at a time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.features import FeatureSpec
from recsys.training.errors import MissingValues, ValueOutOfRange, VocabularyTooLarge, WrongColumnType
from recsys.training.schema import LISTS, SCHEMA, TASKS, compatible

WORDS_PER_ID = 20
"""Distinct words of the catalogue that may come to share each id of a table."""
CATALOGUE = ("creative", "category", "advertiser", "screen", "venue", "venue_category", "scene")
FEW = ("category", "screen", "venue", "venue_category", "scene")
"""What many rows have in common; a word of its own in most rows is something else than such a name."""
ROWS_TO_TELL = 1_000


def check_chunk(table: pa.Table) -> None:
    """Check some rows, whose columns are those of the schema.

    Raises:
        TrainingRefused: a value or a type is not what training needs; the class says which.
    """
    for field in SCHEMA:
        column = table[field.name]
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
            raise MissingValues(f"column {field.name} holds NaN")
        if not field.nullable and column.null_count:
            raise MissingValues(f"column {field.name} holds {column.null_count} nulls")
        if not compatible(column.type, field.type):
            raise WrongColumnType(f"column {field.name} is {column.type}, expected {field.type}")
    for name in LISTS.values():
        if table[name].combine_chunks().flatten().null_count:
            raise MissingValues(f"column {name} holds lists with nulls in them")
    labels = set(pc.unique(table["label"]).to_pylist())
    if not labels <= {0, 1}:
        raise ValueOutOfRange(f"labels must be 0 or 1, found {sorted(labels - {0, 1})[:5]}")
    _check_tasks(table)
    lowest, highest = pc.min_max(table["propensity"]).as_py().values()
    if lowest is not None and not 0 < lowest <= highest <= 1:
        raise ValueOutOfRange(f"propensities must be above 0 and at most 1, found {lowest} to {highest}")
    counts = (pc.list_value_length(table[name]) for name in LISTS.values())
    if not pc.all(pc.equal(*counts)).as_py():
        raise ValueOutOfRange("history_creatives and history_categories must be equally long in every row")


def _check_tasks(table: pa.Table) -> None:
    for name in TASKS:
        found = set(pc.unique(table[name]).to_pylist()) - {None, 0, 1} if name != "dwell_seconds" else set()
        if found:
            raise ValueOutOfRange(f"{name} must be 0, 1 or null, found {sorted(found)[:5]}")
    shortest, longest = pc.min_max(table["dwell_seconds"]).as_py().values()
    if shortest is not None and not 0 <= shortest <= longest < float("inf"):
        raise ValueOutOfRange(f"dwell_seconds must be finite and not negative, found {shortest} to {longest}")


class Vocabularies:
    """Counts the distinct words of the catalogue's columns over the chunks of one log.

    Viewers are left out: there may be any number of them, and hashing bounds what they cost.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self.limits = {name: WORDS_PER_ID * spec.sizes[name] for name in CATALOGUE if name in spec.sizes}
        self.words = {name: pa.array([], pa.large_string()) for name in self.limits}
        self.rows = 0

    def see(self, table: pa.Table) -> None:
        """Add some rows.

        Raises:
            VocabularyTooLarge: a column holds more words than its table could tell apart.
        """
        self.rows += table.num_rows
        for name, limit in self.limits.items():
            new = pc.unique(table[name]).cast(pa.large_string())
            self.words[name] = pc.unique(pa.concat_arrays([self.words[name], new]))
            if len(self.words[name]) > limit:
                raise VocabularyTooLarge(
                    f"column {name} holds more than {limit} different words, {WORDS_PER_ID} for each of its"
                    f" {limit // WORDS_PER_ID} ids; expected names that many rows share. Check what was written there,"
                    " or give the feature a larger table"
                )

    def finish(self) -> None:
        """Look at the whole.

        Raises:
            VocabularyTooLarge: a name that many rows should share is another one in most of them.
        """
        for name in FEW:
            count = len(self.words.get(name, ()))
            if self.rows >= ROWS_TO_TELL and count > self.rows // 2:
                raise VocabularyTooLarge(
                    f"column {name} holds {count} different words in {self.rows} rows; expected names that many rows"
                    " share. Check what was written there"
                )


class Identities:
    """Remembers which examples were seen, eight bytes each."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.uint64]] = []

    def see(self, identifiers: pa.ChunkedArray) -> None:
        """Add the identifiers of some rows."""
        self.seen.append(fingerprints(identifiers.combine_chunks()))

    def repeated(self) -> NDArray[np.uint64]:
        """Return the fingerprints that occur more than once; equal words have equal ones, unequal ones hardly ever."""
        ordered = np.sort(np.concatenate(self.seen))
        return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def fingerprints(words: pa.Array) -> NDArray[np.uint64]:
    """Hash words to 64 bits, all at once, shape (rows,).

    Each byte is multiplied with a number of its place and the products are added up, modulo 2**64: multilinear hashing,
    Lemire and Kaser, "Strongly universal string hashing is fast", Computer Journal 57(11), 2014.
    """
    binary = pc.cast(words, pa.large_binary())
    offsets = np.frombuffer(binary.buffers()[1], np.int64)[binary.offset : binary.offset + len(binary) + 1]
    data = np.frombuffer(binary.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]].astype(np.uint64)
    starts, lengths = offsets - offsets[0], np.diff(offsets)
    places = np.arange(len(data)) - np.repeat(starts[:-1], lengths)
    factors = np.random.default_rng(0).integers(
        0, 2**64, size=int(lengths.max(initial=0)), dtype=np.uint64
    ) | np.uint64(1)
    sums = np.concatenate(([np.uint64(0)], np.cumsum((data + np.uint64(1)) * factors[places], dtype=np.uint64)))
    found: NDArray[np.uint64] = sums[starts[1:]] - sums[starts[:-1]]
    return found
