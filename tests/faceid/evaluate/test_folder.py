from pathlib import Path

import pytest

from faceid.evaluate import folder
from faceid.evaluate.errors import FolderRefused


@pytest.fixture
def made(tmp_path: Path):
    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def test_each_folder_is_a_person_and_numbers_sort_as_numbers(made):
    shown = folder.people(made("ann/2.jpg", "ann/10.jpg", "bob/day/1.PNG", "bob/notes.txt", ".cache/x.jpg"))

    assert [(one.person, one.name) for one in shown] == [
        ("ann", "ann/2.jpg"), ("ann", "ann/10.jpg"), ("bob", "bob/day/1.PNG"),
    ]  # fmt: skip


def test_an_archives_only_folder_is_entered(made):
    shown = folder.people(made("photos/ann/1.jpg", "photos/bob/1.jpg"))

    assert [one.person for one in shown] == ["ann", "bob"]
    assert shown[0].name == "ann/1.jpg"


def test_pictures_beside_the_people_are_left_out_and_listed(made):
    root = made("ann/1.jpg", "bob/1.jpg", "stray.jpg")

    assert [one.person for one in folder.people(root)] == ["ann", "bob"]
    assert [path.name for path in folder.loose(root)] == ["stray.jpg"]


@pytest.mark.parametrize("names", [("a.jpg", "b.jpg"), ("ann/1.jpg", "ann/2.jpg"), ("ann/1.jpg", "stray.jpg")])
def test_a_folder_without_people_is_refused_with_what_is_expected(made, names: tuple[str, ...]):
    with pytest.raises(FolderRefused, match="one folder per person") as refused:
        folder.people(made(*names))

    assert refused.value.code == "folder_refused"


def test_what_is_no_folder_of_pictures_is_refused(made, tmp_path: Path):
    made("note.txt")

    with pytest.raises(FolderRefused, match="no folder"):
        folder.pictures(tmp_path / "absent")
    with pytest.raises(FolderRefused, match="not a folder"):
        folder.pictures(tmp_path / "note.txt")
    with pytest.raises(FolderRefused, match="no picture"):
        folder.pictures(tmp_path)


def test_strangers_side_by_side_are_all_different(made):
    shown = folder.strangers(made("a.jpg", "b.jpg", "carl/1.jpg", "carl/2.jpg"))

    assert [one.person for one in shown] == ["a.jpg", "b.jpg", "carl", "carl"]


def test_lfws_names_are_found_in_any_of_its_layouts(made):
    numbered = folder.Numbered(made("Ann_Lee/Ann_Lee_0003.jpg", "Bob/4.png", "Cy_Q_0001.jpg"))

    found = [numbered.picture(*key) for key in (("Ann_Lee", 3), ("Bob", 4), ("Cy_Q", 1), ("Bob", 5))]

    assert [one and one.name for one in found] == ["Ann_Lee/Ann_Lee_0003.jpg", "Bob/4.png", "Cy_Q_0001.jpg", None]
