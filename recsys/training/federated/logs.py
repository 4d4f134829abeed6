"""Logs of venues: one that a venue has, or one log dealt out to venues for a comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recsys.features import FeatureSpec
from recsys.training.dataset import Split, read_dataset, split_by_time
from recsys.training.errors import BadRequest
from recsys.training.federated.local import anonymous
from recsys.training.unlearning.sharding import Place, Sharding


def read_split(path: Path, spec: FeatureSpec, *, share_viewers: bool) -> Split:
    """Read a venue's log and split it by time.

    Args:
        share_viewers: learn of pseudonyms, too; see `anonymous`.

    Raises:
        ForbiddenFeature: a column is derived from a face.
        TrainingRefused: the log cannot be learnt from.
    """
    split = split_by_time(read_dataset(path, spec=spec))
    return split if share_viewers else anonymous(split)


def deal(path: Path, venues: int, folder: Path) -> list[Path]:
    """Write a log as one log for each venue: by its column `venue` if that holds enough of them, else by person.

    Args:
        folder: for the files, which are personal data; the caller deletes them.

    Raises:
        BadRequest: the log cannot be read, or there are fewer people than venues.
    """
    try:
        table = pq.read_table(path)
        names = table["venue"].to_pylist()
        people = table["viewer"].to_pylist()
    except (OSError, KeyError, pa.ArrowException) as error:
        raise BadRequest(f"{path.name} cannot be dealt out to venues: {error}") from error
    distinct = sorted(set(names))
    if len(distinct) >= venues:
        place_of = {name: number % venues for number, name in enumerate(distinct)}
        places = np.array([place_of[name] for name in names])
    else:
        sharding = Sharding(venues)
        rows = [Place(row % venues, 0) if name is None else sharding.place_of(name) for row, name in enumerate(people)]
        places = np.array([place.shard for place in rows])
    paths = [folder / f"venue-{number + 1}.parquet" for number in range(venues)]
    for number, target in enumerate(paths):
        mine = table.filter(pa.array(places == number))
        if not mine.num_rows:
            raise BadRequest(f"{path.name} has rows for fewer than {venues} venues; ask for fewer")
        pq.write_table(mine, target)
    return paths
