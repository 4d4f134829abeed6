from pathlib import Path

import pytest

from faceid.evaluate import pairs
from faceid.evaluate.errors import LabelsRefused

NAMES = ("ann/ann_0001.jpg", "ann/ann_0002.jpg", "bob/bob_0001.jpg", "bob/bob_0002.jpg")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).touch()
    return tmp_path / "images"


@pytest.fixture
def read(images: Path, tmp_path: Path):
    def one(text: str, **options: bool) -> pairs.Pairs:
        (tmp_path / "pairs.txt").write_text(text, encoding="utf-8")
        return pairs.read(tmp_path / "pairs.txt", images, **options)

    return one


def test_lfws_format_brings_its_folds(read):
    found = read("2\t1\nann\t1\t2\nann\t1\tbob\t1\nbob\t1\t2\nann\t2\tbob\t2\n")

    assert [(one.first.name, one.second.name, one.same, one.fold) for one in found.pairs] == [
        (NAMES[0], NAMES[1], True, 0), (NAMES[0], NAMES[2], False, 0),
        (NAMES[2], NAMES[3], True, 1), (NAMES[1], NAMES[3], False, 1),
    ]  # fmt: skip
    assert (found.folds, found.own_folds, found.missing) == (2, True, 0)


def test_lfws_development_format_has_one_count_and_gets_folds(read):
    found = read("2\nann 1 2\nbob 1 2\nann 1 bob 1\nann 2 bob 2\n")

    assert [one.fold for one in found.pairs] == [0, 1, 0, 1]
    assert not found.own_folds


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_names_files(read, separator: str):
    rows = ["a,b,same", f"{NAMES[0]},{NAMES[1]},1", f"{NAMES[0]},{NAMES[2]},no", f"{NAMES[2]},{NAMES[3]},TRUE"]

    found = read("\ufeff" + "\r\n".join(rows).replace(",", separator))

    assert [one.same for one in found.pairs] == [True, False, True]
    assert found.pairs[0].first.person == "ann"


def test_a_table_may_bring_folds(read):
    found = read(f"fold,a,b,same\nx,{NAMES[0]},{NAMES[1]},1\ny,{NAMES[0]},{NAMES[2]},0\n")

    assert [one.fold for one in found.pairs] == [0, 1]
    assert (found.folds, found.own_folds) == (2, True)


def test_genuine_pairs_join_pictures_into_people_where_no_folder_does(images: Path, tmp_path: Path):
    for name in "abcd":
        (images / f"{name}.jpg").touch()
    (tmp_path / "p.csv").write_text("a,b,same\na.jpg,b.jpg,1\nb.jpg,c.jpg,1\na.jpg,d.jpg,0\n")

    found = pairs.read(tmp_path / "p.csv", images)

    people = {one.first.name: one.first.person for one in found.pairs} | {
        one.second.name: one.second.person for one in found.pairs
    }
    assert people["a.jpg"] == people["b.jpg"] == people["c.jpg"] != people["d.jpg"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a,b,same"),
        ("left,right\n", "a,b,same"),
        ("1\t2\nann\t1\t2\n", "first line says"),
        ("1\t1\nann\tone\t2\nann\t1\tbob\t1\n", "Line 2"),
        ("1\t1\nann\t1\nann\t1\tbob\t1\n", "Line 2"),
        (f"a,b,same\n{NAMES[0]},{NAMES[1]},maybe\n", "Line 2"),
        (f"a,b,same\n{NAMES[0]},{NAMES[1]},1\n", "both kinds"),
        ("1\t1\nann\t1\t9\nann\t1\tbob\t1\n", "ann 9"),
        (f"a,b,same\nzoe.jpg,{NAMES[1]},1\n", "zoe.jpg"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(read, text: str, says: str):
    with pytest.raises(LabelsRefused, match=says):
        read(text)


def test_missing_pictures_may_be_left_out(read):
    found = read("1\t1\nann\t1\t2\nann\t1\tbob\t1\n".replace("1\t1\n", "1\t2\n", 1) + "ann\t1\t9\nann\t2\tbob\t2\n",
                 skip_missing=True)  # fmt: skip

    assert (len(found.pairs), found.missing) == (3, 1)


def test_a_file_that_is_no_text_is_refused(images: Path, tmp_path: Path):
    (tmp_path / "p.txt").write_bytes(b"\xff\xfe\x00")

    for name in ("p.txt", "absent.txt"):
        with pytest.raises(LabelsRefused, match="cannot be read"):
            pairs.read(tmp_path / name, images)
