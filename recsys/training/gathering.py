"""Holding encoded rows of a log: each chunk is encoded and its words let go before the next is read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recsys.columns import Words
from recsys.features import FeatureSpec
from recsys.training.examples import Examples
from recsys.training.reading import Chunk, LogFile, encode, instants, labels, tasks, words

NAMED = ("viewer", "creative", "category", "source")


def gather(log: LogFile, spec: FeatureSpec, keep: Callable[[Chunk], NDArray[np.bool_]] | None = None) -> Examples:
    """Encode rows of a log, oldest first.

    Args:
        keep: which rows of a chunk to hold, None for all.
    """
    columns: dict[tuple[str, str], list[NDArray[np.generic]]] = {}
    vocabularies: dict[str, dict[str, int]] = {name: {} for name in NAMED}
    identifiers = []
    for chunk in log.chunks():
        table = chunk.table if keep is None else chunk.table.filter(pa.array(keep(chunk)))
        if not table.num_rows:
            continue
        identifiers.append(pc.cast(table["example_id"], pa.large_string()))
        for name, values in _encoded(table, spec, vocabularies).items():
            columns.setdefault(name, []).append(values)
    order = _order(columns[("", "at")], identifiers)
    held = {name: np.concatenate(columns.pop(name))[order] for name in list(columns)}
    named = {name: Words(tuple(vocabularies[name]), held[("word", name)]) for name in NAMED}
    return Examples(
        feeds={name: values for (kind, name), values in held.items() if kind == "feed"},
        labels=held[("", "label")],
        at=held[("", "at")],
        viewer=named["viewer"],
        creative=named["creative"],
        category=named["category"],
        source=named["source"],
        tasks={name: values for (kind, name), values in held.items() if kind == "task"},
    )


def _encoded(
    table: pa.Table, spec: FeatureSpec, vocabularies: dict[str, dict[str, int]]
) -> dict[tuple[str, str], NDArray[np.generic]]:
    """Encode some rows into columns; codes of words refer to the vocabularies, which grow."""
    found: dict[tuple[str, str], NDArray[np.generic]] = {
        ("feed", name): ids for name, ids in encode(table, spec).items()
    }
    found |= {("task", name): values for name, values in tasks(table).items()}
    found |= {("", "label"): labels(table), ("", "at"): instants(table)}
    for name, vocabulary in vocabularies.items():
        column = words(table[name])
        places = [vocabulary.setdefault(word, len(vocabulary)) for word in column.vocabulary]
        found[("word", name)] = np.array([*places, -1], dtype=np.int32)[column.codes]
    return found


def _order(at: list[NDArray[np.generic]], identifiers: list[pa.ChunkedArray]) -> NDArray[np.intp]:
    """Order rows by time, and rows of one instant by their identifiers."""
    words = pa.chunked_array([part for column in identifiers for part in column.chunks], pa.large_string())
    table = pa.table({"at": np.concatenate(at), "example_id": words})
    order: NDArray[np.intp] = (
        pc.sort_indices(table, [("at", "ascending"), ("example_id", "ascending")]).to_numpy().astype(np.intp)
    )
    return order
