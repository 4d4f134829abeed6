"""The exported log as examples: read whole, or held in part and streamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import file_digest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.features import DEFAULT_SPEC, PICTURE, FeatureSpec
from recsys.guard import ALWAYS, FeaturePolicy
from recsys.pictures.looks import Looks, LooksUnreadable
from recsys.training.errors import UnreadableLooks
from recsys.training.examples import Examples, Split, boundaries, check_classes, split_by_time
from recsys.training.gathering import gather
from recsys.training.reading import Chunk, LogFile, instants
from recsys.training.schema import SCHEMA, TASKS
from recsys.training.streaming import Stream
from recsys.training.survey import Survey, survey

__all__ = [
    "SCHEMA",
    "TASKS",
    "Examples",
    "Split",
    "data_digest",
    "read_dataset",
    "read_looks",
    "read_split",
    "split_by_time",
]

HELD_ROWS = 1_000_000
"""Rows of a log that are held encoded, about 0.5 kB each; of a longer log the train part is streamed."""
NEVER = np.iinfo(np.int64).max


def read_dataset(
    path: Path,
    *,
    spec: FeatureSpec = DEFAULT_SPEC,
    max_rows: int | None = None,
    policy: FeaturePolicy = ALWAYS,
    looks: Looks | None = None,
) -> Examples:
    """Read an exported log, check it and encode it, oldest example first; its words are held a chunk at a time.

    Args:
        max_rows: keep only the latest rows.
        policy: what the columns may be, and whether pictures may be looked at.
        looks: what the creatives look like, added to the feeds.

    Raises:
        ForbiddenFeature: a column is derived from a face, protected, or denied by a scene.
        TrainingRefused: the file, its schema or its values are not what training needs; the class says which.
    """
    _refuse(spec, policy, looks)
    log = LogFile(path, policy)
    oldest = survey(log, spec).latest(max_rows)
    examples = gather(log, spec, lambda chunk: instants(chunk.table) >= oldest)
    examples = examples.looked_at(looks) if looks else examples
    if max_rows is None or len(examples) <= max_rows:
        return examples
    return examples.take(np.arange(len(examples) - max_rows, len(examples)))


def read_split(
    path: Path,
    *,
    spec: FeatureSpec = DEFAULT_SPEC,
    max_rows: int | None = None,
    policy: FeaturePolicy = ALWAYS,
    held: int = HELD_ROWS,
    looks: Looks | None = None,
) -> Split:
    """Read an exported log and split it by time; of a log longer than ``held`` rows hold a sample and stream the rest.

    All parts of a long log are even samples of their rows. The train part also has a `stream` of all its rows, from
    which networks learn.

    Raises:
        ForbiddenFeature: a column is derived from a face, protected, or denied by a scene.
        TrainingRefused: see `read_dataset` and `split_by_time`.
    """
    _refuse(spec, policy, looks)
    log = LogFile(path, policy)
    if min(log.rows, max_rows or log.rows) <= held:
        return split_by_time(read_dataset(path, spec=spec, max_rows=max_rows, policy=policy, looks=looks))
    found = survey(log, spec)
    oldest = found.latest(max_rows)
    cuts, part_of = parts_of(found, oldest)
    rows = int((part_of >= 0).sum())
    for place, name in enumerate(Split._fields):
        check_classes(name, found.labels[part_of == place], rows)
    examples = gather(log, spec, evenly(part_of, -(-rows // held)))
    examples = examples.looked_at(looks) if looks else examples
    until = {word: cut[0] for word, cut in zip(found.sources, cuts, strict=True)}
    learnt = found.labels[part_of == 0]
    stream = Stream(
        path, spec, oldest, until, len(learnt), float(learnt.mean()), looks if PICTURE in examples.feeds else None
    )
    parts = _parts(examples, dict(zip(found.sources, cuts, strict=True)))
    return parts._replace(train=replace(parts.train, stream=stream))


def read_looks(path: Path | None) -> Looks | None:
    """Read what is kept beside a log about its creatives' pictures; None without a file, or one that knows none.

    Raises:
        UnreadableLooks: the file is no such table.
    """
    if path is None:
        return None
    try:
        return Looks.read(path) or None
    except LooksUnreadable as error:
        raise UnreadableLooks(str(error)) from error


def data_digest(path: Path) -> str:
    """Compute the SHA-256 of an exported log, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _refuse(spec: FeatureSpec, policy: FeaturePolicy, looks: Looks | None) -> None:
    policy.refuse(spec.names if looks is None else (*spec.names, PICTURE))


def parts_of(found: Survey, oldest: int) -> tuple[list[tuple[int, int]], NDArray[np.int8]]:
    """Split the rows of a log by time, each source by itself.

    Returns:
        For each source the times at which its validation and its test part begin, and for each row, in the order of the
        file, its place in `Split`, -1 before ``oldest``.
    """
    cuts = _cuts(found, oldest)
    begins, ends = (np.array([cut[place] for cut in cuts], dtype=np.int64)[found.source] for place in (0, 1))
    later = (found.at >= begins).astype(np.int8) + (found.at >= ends)
    return cuts, np.where(found.at < oldest, np.int8(-1), later)


def _cuts(found: Survey, oldest: int) -> list[tuple[int, int]]:
    """Find for each source the times at which its validation and its test part begin."""
    cuts = []
    for code in range(len(found.sources)):
        at = np.sort(found.at[(found.source == code) & (found.at >= oldest)])
        begins = (int(at[row]) if row < len(at) else NEVER for row in boundaries(at))
        cuts.append((next(begins), next(begins)))
    return cuts


def evenly(part_of: NDArray[np.int8], step: int) -> Callable[[Chunk], NDArray[np.bool_]]:
    """Keep one row in ``step`` of each part, in the order of the file; none of rows whose part is -1."""
    kept = np.zeros(len(part_of), dtype=bool)
    for place in range(len(Split._fields)):
        kept[np.flatnonzero(part_of == place)[::step]] = True
    return lambda chunk: kept[chunk.first : chunk.first + chunk.table.num_rows]


def _parts(examples: Examples, cuts: dict[str, tuple[int, int]]) -> Split:
    """Split held examples by the times of their sources."""
    times = np.array([cuts[word] for word in examples.source.vocabulary], dtype=np.int64)[examples.source.codes]
    part_of = (examples.at[:, None] >= times).sum(axis=1)
    return Split(*(examples.take(np.flatnonzero(part_of == place)) for place in range(len(Split._fields))))
