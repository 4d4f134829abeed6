"""Data sets that are known by a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv

from recsys.benchmark.errors import DataUnknown, DataUnreadable
from recsys.benchmark.log import Choices, Log
from recsys.benchmark.reading import interpret, read_log
from recsys.benchmark.sequences import NEGATIVES, read_sequences

MOVIELENS: Final = Path("recbole", "dataset_example", "ml-100k")
OPEN_BANDIT: Final = Path("obp", "dataset", "obd", "random", "all")
SEQUENCES: Final = (".txt",)


def names() -> tuple[str, ...]:
    """Name the data sets."""
    return (*_CARRIED, *_GIVEN)


def read(
    data: str,
    *,
    choices: Choices,
    carriers: Path,
    folder: Path | None = None,
    negatives: int = NEGATIVES,
    max_users: int | None = None,
) -> Log:
    """Read a data set by its name, or a file by its path.

    Args:
        data: a name of `names`, or the path of a CSV, TSV, Parquet or sequence (.txt) file.
        carriers: folder in which `make carriers` unpacked the packages.
        folder: folder below which the files of the other names are looked for.
        negatives, max_users: for sequences, see `recsys.benchmark.sequences.read_sequences`.

    Raises:
        BenchmarkRefused: there is no such data, or it cannot be used.
        ForbiddenFeature: a column is derived from a face.
    """
    if data in _CARRIED:
        return _CARRIED[data](carriers, choices)
    if data in _GIVEN:
        if folder is None:
            raise DataUnknown(
                f"{data} is no part of a package.",
                expected="the folder that holds it.",
                remedy="Name the folder with --data-dir.",
            )
        return _GIVEN[data](folder, choices, negatives, max_users)
    path = Path(data)
    if not path.is_file():
        raise DataUnknown(
            f"{data} is neither a file nor a known data set.",
            expected=f"a path, or one of {', '.join(names())}.",
            remedy="Check the path.",
        )
    if path.suffix in SEQUENCES:
        return read_sequences(path, negatives=negatives, max_users=max_users)
    return read_log(path, choices)


def _movielens(carriers: Path, choices: Choices) -> Log:
    """MovieLens-100k: Harper and Konstan, ACM TiiS 5(4), 2015; research licence. Ratings of 4 and 5 are 1."""
    ratings = _read(_carried(carriers, MOVIELENS) / "ml-100k.inter", "\t")
    films = _read(_carried(carriers, MOVIELENS) / "ml-100k.item", "\t").select(["item_id", "release_year", "class"])
    people = _read(_carried(carriers, MOVIELENS) / "ml-100k.user", "\t").select(["user_id", "occupation"])
    table = ratings.join(films, keys="item_id").join(people, keys="user_id")
    table = table.sort_by([("timestamp", "ascending"), ("user_id", "ascending"), ("item_id", "ascending")])
    log = interpret(
        table,
        replace(
            choices,
            user="user_id",
            item="item_id",
            label="rating",
            timestamp="timestamp",
            positive_from=4.0 if choices.positive_from is None else choices.positive_from,
            categorical=("release_year", "class", "occupation"),
            item_columns=("release_year", "class"),
            user_columns=("occupation",),
        ),
        name="movielens-100k",
    )
    return replace(log, notes=("Age, gender and post code of users are not read: they may not rank anything.",))


def _open_bandit(carriers: Path, choices: Choices) -> Log:
    """Open Bandit Dataset, random policy: Saito et al., NeurIPS 2021 Datasets and Benchmarks. No user is told apart."""
    rounds = _read(_carried(carriers, OPEN_BANDIT) / "all.csv", ",")
    affinities = [name for name in rounds.column_names if name.startswith("user-item_affinity")]
    rounds = rounds.drop_columns(["", "propensity_score", *affinities])
    items = _read(_carried(carriers, OPEN_BANDIT) / "item_context.csv", ",").drop_columns([""])
    table = rounds.join(items, keys="item_id")
    table = table.sort_by([("timestamp", "ascending"), ("position", "ascending"), ("item_id", "ascending")])
    log = interpret(
        table,
        replace(choices, user=None, item="item_id", label="click", timestamp="timestamp"),
        name="open-bandit",
    )
    return replace(log, notes=("Affinities of users to items are left out.",))


def _avazu(folder: Path, choices: Choices, negatives: int, max_users: int | None) -> Log:
    """A sample of Avazu's click log; its rows are in order of time, all within an hour or a few."""
    del negatives, max_users
    path = _below(folder, "avazu_tiny/tr.rx.csv")
    columns = _read(path, ",").column_names
    read = replace(
        choices,
        user="device_ip",
        item="C14",
        label="click",
        timestamp=None,
        categorical=tuple(name for name in columns if name not in ("id", "click", "hour", "C14", "device_ip")),
        ignore=("id", "hour"),
    )
    return read_log(path, read, name="avazu-tiny")


def _criteo(folder: Path, choices: Choices, negatives: int, max_users: int | None) -> Log:
    """A sample of Criteo's display advertising challenge 2014; its rows are in order of time."""
    del negatives, max_users
    path = _below(folder, "criteo_tiny/train.tiny.csv")
    read = replace(
        choices,
        user=None,
        item=None,
        label="Label",
        timestamp=None,
        categorical=tuple(f"C{number}" for number in range(1, 27)),
        numeric=tuple(f"I{number}" for number in range(1, 14)),
        ignore=("Id",),
    )
    return read_log(path, read, name="criteo-tiny")


def _sequences(file: str) -> Callable[[Path, Choices, int, int | None], Log]:
    def reader(folder: Path, choices: Choices, negatives: int, max_users: int | None) -> Log:
        del choices
        path = _below(folder, f"sequences/{file}.txt")
        attributes = path.with_name(f"{file}_item2attributes.json")
        return read_sequences(
            path, negatives=negatives, attributes=attributes if attributes.is_file() else None, max_users=max_users
        )

    return reader


_CARRIED: Final[dict[str, Callable[[Path, Choices], Log]]] = {"movielens-100k": _movielens, "open-bandit": _open_bandit}
_GIVEN: Final[dict[str, Callable[[Path, Choices, int, int | None], Log]]] = {
    "avazu-tiny": _avazu,
    "criteo-tiny": _criteo,
    "beauty": _sequences("Beauty"),
    "lastfm": _sequences("LastFM"),
}


def _read(path: Path, delimiter: str) -> Any:
    """Read a file whose header may carry types behind a colon, as RecBole's atomic files do."""
    try:
        table = pa.csv.read_csv(path, parse_options=pa.csv.ParseOptions(delimiter=delimiter, quote_char=False))
    except (OSError, pa.ArrowException) as error:
        raise DataUnreadable(
            f"{path.name} cannot be read: {error}.",
            expected="the files of the packages in requirements/carriers.txt.",
            remedy="Run `make carriers`, or name their folder with --carriers.",
        ) from error
    return table.rename_columns([name.split(":")[0] for name in table.column_names])


def _carried(carriers: Path, folder: Path) -> Path:
    """Find a package's folder: packages are unpacked in a folder of their own each."""
    return next(iter(sorted(carriers.glob(f"*/{folder}"))), carriers / folder)


def _below(folder: Path, ending: str) -> Path:
    name = Path(ending)
    found = sorted(path for path in folder.rglob(name.name) if path.parent.name == name.parent.name)
    if not found:
        raise DataUnreadable(
            f"There is no {ending} below the data folder.",
            expected="the folder of the logs.",
            remedy="Check --data-dir.",
        )
    return found[0]
