"""A snapshot shared by processes: private, whole or not there, the same for all."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from faceid.errors import SnapshotUnusable
from faceid.search.shared import SharedFolder

from .conftest import columns_of, drawn

COLUMNS = columns_of(drawn("isotropic", 400, 16, 1))
AT = 0.0


@pytest.fixture
def folder(tmp_path: Path) -> SharedFolder:
    return SharedFolder(tmp_path / "shared")


def publish(folder: SharedFolder, stamp: int = 1, name: str = "opr-emb"):
    with folder.writing(name) as mine:
        assert mine
        return folder.publish(name, COLUMNS, contract="emb", stamp=(stamp,))


def finds(snapshot, row: int) -> bool:
    return bool(snapshot.nearest(COLUMNS.vectors[row : row + 1], 1, 0.99, AT, "")[0])


def test_what_one_publishes_another_opens(folder: SharedFolder):
    written = publish(folder)

    read = SharedFolder(folder.path).open("opr-emb")

    assert read is not None
    assert read.header == written.header
    assert finds(read, 7)
    assert folder.names() == ["opr-emb"]


def test_only_the_user_may_read_file_and_folder(folder: SharedFolder):
    publish(folder)

    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.path.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_open_to_others_is_refused(tmp_path: Path, mode: int):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)

    with pytest.raises(SnapshotUnusable, match="open to others"):
        SharedFolder(tmp_path / "open")


def test_a_link_in_the_place_of_folder_or_file_is_refused(tmp_path: Path, folder: SharedFolder):
    publish(folder)
    (tmp_path / "link").symlink_to(folder.path)
    with pytest.raises(SnapshotUnusable):
        SharedFolder(tmp_path / "link")

    (folder.path / "other.gallery").symlink_to(folder.path / "opr-emb.gallery")
    with pytest.raises(OSError, match="symbolic links"):
        folder.open("other")


def test_a_file_open_to_others_is_refused(folder: SharedFolder):
    publish(folder)
    (folder.path / "opr-emb.gallery").chmod(0o644)

    with pytest.raises(SnapshotUnusable, match="open to others"):
        folder.open("opr-emb")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.b", "x" * 121])
def test_names_cannot_leave_the_folder(folder: SharedFolder, name: str):
    with pytest.raises(ValueError, match="name of a snapshot"):
        folder.open(name)


def test_a_snapshot_that_is_not_there_is_none_and_so_is_the_one_already_held(folder: SharedFolder):
    assert folder.open("opr-emb") is None
    held = publish(folder)

    assert folder.open("opr-emb", unless=held) is None
    newer = publish(folder, stamp=2)
    opened = folder.open("opr-emb", unless=held)

    assert opened is not None
    assert opened.header.stamp == newer.header.stamp == (2,)
    assert finds(held, 3)  # whoever still maps the former one goes on with it


def test_one_writer_at_a_time(folder: SharedFolder):
    with folder.writing("opr-emb") as first, SharedFolder(folder.path).writing("opr-emb") as second:
        assert (first, second) == (True, False)
    with folder.writing("opr-emb") as again, folder.writing("opr-other") as other:
        assert (again, other) == (True, True)


def test_forgetting_leaves_nothing_to_whoever_maps_it(folder: SharedFolder):
    held = publish(folder)

    folder.forget("opr-emb")
    folder.forget("opr-emb")

    assert folder.names() == []
    assert not held._vectors.any()
    assert not finds(held, 5)


def _remove(path: Path, key: str) -> None:
    snapshot = SharedFolder(path).open("opr-emb")
    assert snapshot is not None
    row = snapshot.row(key)
    assert row is not None
    snapshot.remove(row)


def test_a_row_removed_in_one_process_is_gone_in_another(folder: SharedFolder):
    held = publish(folder)
    assert finds(held, 42)

    process = multiprocessing.get_context("spawn").Process(target=_remove, args=(folder.path, "t000042"))
    process.start()
    process.join(60)

    assert process.exitcode == 0
    assert not finds(held, 42)
    assert finds(held, 43)
    assert COLUMNS.vectors[42].tobytes() not in (folder.path / "opr-emb.gallery").read_bytes()
    assert COLUMNS.vectors[43].tobytes() in (folder.path / "opr-emb.gallery").read_bytes()


def _write_for_ever(path: Path) -> None:
    folder = SharedFolder(path)
    while True:
        with folder.writing("opr-emb", patience=10):
            folder.publish("opr-emb", COLUMNS, contract="emb", stamp=(2,))


def test_a_writer_killed_at_any_moment_leaves_a_whole_snapshot(folder: SharedFolder):
    publish(folder)
    for turn in range(6):
        process = multiprocessing.get_context("spawn").Process(target=_write_for_ever, args=(folder.path,))
        process.start()
        while folder.open("opr-emb").header.stamp != (2,):  # type: ignore[union-attr]
            time.sleep(0.01)
        time.sleep(0.003 * turn)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(60)

        found = folder.open("opr-emb")

        assert found is not None
        assert np.array_equal(found.columns().vectors, COLUMNS.vectors)
        publish(folder)  # nobody holds the lock any more
        assert {file.name for file in folder.path.iterdir()} == {"opr-emb.gallery", "opr-emb.lock"}
