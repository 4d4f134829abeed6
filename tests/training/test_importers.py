"""The importers of anybody's logs: every line or none, once, with an error for each line that is bad."""

import gzip
import math
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

import catalog.services
import signage.services
from accounts.models import Operator
from events.models import ImportedInteraction
from training.logs.catalogue import LogUnusable
from training.logs.ctr import COUNTS, WORDS
from training.logs.table import BadLine, Faults, Layout, number_of, records, time_of

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "logs"
RATINGS = "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n1,11,3.5,964982931\n2,10,5,2000-07-30T18:45:03Z\n"
AVAZU = (
    "id,click,hour,banner_pos,device_id,C14\n"
    "1,0,14102100,0,a99f214a,15706\n2,1,14102101,1,c357dbff,15704\n3,0,14102101,0,c357dbff,15706\n"
)
CRITEO = "\n".join(
    "\t".join([str(label), *(["1"] * 12), "", *([word] * 26)]) for label, word in ((0, "68fd1e64"), (1, "80e26c9b"))
)


@pytest.fixture
def shop(operator: Operator) -> Operator:
    """An operator with two categories of creatives and one screen."""
    mine = {"operator_id": operator.id, "actor": "member:one"}
    venue = signage.services.add_venue(name="Harbour", category="retail.malls", timezone="Europe/Amsterdam", **mine)
    signage.services.add_screen(venue_id=venue.id, name="Door", **mine)
    for category in ("movies.drama", "movies.comedy", "fashion.coats"):
        catalog.services.add_creative(title=category, category=category, duration_ms=8_000, **mine)
    return operator


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file."""

    def written(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


Write = Callable[[str, str], Path]


def kept() -> list[ImportedInteraction]:
    return list(ImportedInteraction.objects.order_by("source", "sequence"))


def test_ratings_are_imported_once_with_their_times_and_people(
    shop: Operator, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("ratings.csv", RATINGS)
    for _ in range(2):
        call_command("import_ratings", path, operator=shop.slug, category="movies")

    first, second, third = kept()
    assert [row.label for row in (first, second, third)] == [True, False, True]
    assert first.at == datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC) == third.at
    assert first.person == second.person != third.person
    assert len(first.person) == 24
    assert first.creative_id == third.creative_id
    assert {row.creative.category.split(".")[0] for row in kept()} == {"movies"}
    assert {(row.screen is not None, row.propensity) for row in kept()} == {(True, None)}
    printed = capsys.readouterr()
    assert "ratings/ratings.csv: 3 lines mapped, 3 of them new." in printed.out
    assert "ratings/ratings.csv: 3 lines mapped, 0 of them new." in printed.out
    assert "3 lines read" in printed.err


def test_a_file_that_grew_adds_its_new_lines_and_another_one_is_refused(shop: Operator, write: Write) -> None:
    call_command("import_ratings", write("ratings.csv", RATINGS), operator=shop.slug)
    call_command("import_ratings", write("ratings.csv", RATINGS + "3,12,1,964982703\n"), operator=shop.slug)

    assert len(kept()) == 4
    with pytest.raises(CommandError, match="holds other lines already: 1 of these differ, the first is line 2"):
        call_command("import_ratings", write("ratings.csv", RATINGS.replace("3.5", "4.5")), operator=shop.slug)
    assert [row.label for row in kept()] == [True, False, True, False]
    call_command("import_ratings", write("r.csv", RATINGS.replace("3.5", "4.5")), operator=shop.slug, source="mine")
    assert Counter(row.source for row in kept()) == {"ratings/ratings.csv": 4, "mine": 3}


def test_a_dry_run_counts_and_keeps_nothing(shop: Operator, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_ratings", write("ratings.csv", RATINGS), operator=shop.slug, dry_run=True)

    assert "3 lines mapped, 3 of them new.\nThis was a dry run: nothing was kept." in capsys.readouterr().out
    assert kept() == []


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (RATINGS.replace(",", "\t"), {}),
        (RATINGS.replace(",", "::"), {}),
        (RATINGS.replace("userId,movieId,rating,timestamp\n", ""), {"headings": "user,item,rating,timestamp"}),
        (RATINGS.replace("userId,movieId", "who,what"), {"columns": "user=who,item=what"}),
        (RATINGS.replace("userId,movieId,rating", "user_id:token,item_id:token,rating:float"), {}),
        (RATINGS.replace(",", ";"), {"delimiter": ";"}),
        (f"\ufeff{RATINGS}", {}),
        (RATINGS.replace("\n", "\r\n"), {}),
    ],
)
def test_ratings_are_understood_however_they_are_written(
    shop: Operator, write: Write, text: str, options: dict[str, str]
) -> None:
    call_command("import_ratings", write("ratings.txt", text), operator=shop.slug, **options)

    assert [row.label for row in kept()] == [True, False, True]


def test_a_packed_file_is_read(shop: Operator, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv.gz").write_bytes(gzip.compress(RATINGS.encode()))

    call_command("import_ratings", tmp_path / "ratings.csv.gz", operator=shop.slug)

    assert len(kept()) == 3


BAD = [
    ("1,10,nan,964982703", "rating is 'nan', expected a finite number"),
    ("1,10,good,964982703", "rating is 'good', expected a number"),
    ("1,10,4,yesterday", "timestamp is 'yesterday', expected seconds since 1970 or ISO 8601"),
    ("1,10,4,nan", "timestamp is 'nan', expected seconds since 1970"),
    ("1,10,4,964982703000", "timestamp is '964982703000', expected seconds since 1970, before the year 3000"),
    (",10,4,964982703", "user is empty"),
    ("1,,4,964982703", "item is empty"),
    ("1,10,4", "holds 3 fields, expected 4"),
    ("1,10,4,5,6", "holds 5 fields, expected 4"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_a_bad_line_is_named_and_nothing_is_imported(shop: Operator, write: Write, line: str, message: str) -> None:
    path = write("ratings.csv", f"{RATINGS}{line}\n")

    with pytest.raises(CommandError) as caught:
        call_command("import_ratings", path, operator=shop.slug)

    assert "1 of 4 lines cannot be read, so nothing was imported" in str(caught.value)
    assert f"line 5: {message}" in str(caught.value)
    assert kept() == []


def test_bad_lines_are_counted_and_left_out_when_asked(
    shop: Operator, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "\n".join(line for line, _ in BAD * 2)

    call_command("import_ratings", write("r.csv", f"{RATINGS}{bad}\n"), operator=shop.slug, skip_bad_lines=True)

    printed = capsys.readouterr().out
    assert "3 lines mapped" in printed
    assert "18 lines left out:\nline 5: rating is 'nan'" in printed
    assert "and 8 more" in printed
    assert [row.sequence for row in kept()] == [1, 2, 3]


def test_an_unknown_category_is_a_bad_line(shop: Operator, write: Write) -> None:
    text = "user,item,rating,timestamp,genre\n1,10,4,1,movies.drama\n1,11,4,2,movies.horror\n"
    options = {"operator": shop.slug, "columns": "category=genre"}

    with pytest.raises(CommandError, match=r"line 3: the catalogue has no creative of the category 'movies\.horror'"):
        call_command("import_ratings", write("r.csv", text), **options)
    assert kept() == []
    call_command("import_ratings", write("r.csv", text.replace("horror", "comedy")), **options)
    assert [row.creative.category for row in kept()] == ["movies.drama", "movies.comedy"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.csv", b"", "r.csv is empty"),
        ("r.csv", b"\n\n", "r.csv is empty"),
        ("r.csv", b"a,b,c\n1,2,3\n", "has no column user, item, rating, timestamp; its headings are a, b, c"),
        ("r.csv", RATINGS.encode().split(b"\n")[0], "holds no line that can be read"),
        ("r.csv", RATINGS.encode() + b"\xff\xfe\n", "is no UTF-8 text"),
        ("r.csv.gz", gzip.compress(RATINGS.encode())[:-9], "cannot be read"),
        ("r.csv.gz", b"no gzip", "cannot be read"),
    ],
)
def test_a_file_that_is_no_log_is_refused(
    shop: Operator, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(CommandError, match=message):
        call_command("import_ratings", tmp_path / name, operator=shop.slug)
    assert kept() == []


def test_a_command_refuses_what_it_cannot_do(operator: Operator, write: Write, tmp_path: Path) -> None:
    path = write("ratings.csv", RATINGS)

    for options, message in (
        ({"operator": "nobody"}, "no operator with the slug 'nobody'"),
        ({"operator": operator.slug}, "The catalogue has no active creative"),
        ({"operator": operator.slug, "columns": "user"}, "--columns holds 'user'"),
    ):
        with pytest.raises(CommandError, match=message):
            call_command("import_ratings", path, **options)
    with pytest.raises(CommandError, match="--step is 0"):
        call_command("import_ctr", path, format="criteo", operator=operator.slug, step=0.0)
    with pytest.raises(CommandError, match="--starts and --step"):
        call_command("import_ctr", path, format="criteo", operator=operator.slug, starts="June")
    assert kept() == []


def test_a_missing_file_is_named(shop: Operator, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"ratings\.csv cannot be read"):
        call_command("import_ratings", tmp_path / "ratings.csv", operator=shop.slug)
    with pytest.raises(CommandError, match=r"clicks\.tsv cannot be read"):
        call_command("import_ctr", tmp_path / "clicks.tsv", operator=shop.slug, format="criteo")
    with pytest.raises(CommandError, match=r"holds no random/all/item_context\.csv"):
        call_command("import_open_bandit", tmp_path, operator=shop.slug)


def test_avazu_clicks_have_hours_positions_and_devices(shop: Operator, write: Write) -> None:
    call_command("import_ctr", write("tr.csv", AVAZU), operator=shop.slug, format="avazu")

    first, second, third = kept()
    assert [row.label for row in (first, second, third)] == [False, True, False]
    assert [row.position for row in (first, second, third)] == [0, 1, 0]
    assert second.at == third.at == datetime(2014, 10, 21, 1, tzinfo=UTC)
    assert first.person == "" != second.person == third.person
    assert first.creative_id == third.creative_id
    assert {row.source for row in kept()} == {"avazu/tr.csv"}


CRITEO_HEADINGS = ",".join(("Label", *COUNTS, *WORDS))


@pytest.mark.parametrize("headings", ["", CRITEO_HEADINGS])
def test_criteo_clicks_have_an_order_and_nobody(shop: Operator, write: Write, headings: str) -> None:
    text = f"{headings}\n{CRITEO.replace(chr(9), ',')}" if headings else CRITEO

    options = {"format": "criteo", "starts": "2020-01-01", "step": 60.0}
    call_command("import_ctr", write("c.txt", text), operator=shop.slug, **options)

    assert [(row.label, row.person) for row in kept()] == [(False, ""), (True, "")]
    assert [row.at for row in kept()] == [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, 0, 1, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("avazu", AVAZU.replace("14102100", "14132100"), "timestamp is '14132100', expected an hour as YYMMDDHH"),
        ("avazu", AVAZU.replace("1,0,14102100", "1,2,14102100"), "label is '2', expected 0 to 1"),
        ("avazu", AVAZU.replace("1,0,14102100", "1,0.5,14102100"), "label is '0.5', expected a whole number"),
        ("avazu", AVAZU.replace(",C14", ",C15"), "has no column item"),
        ("criteo", CRITEO.replace("0\t1", "0\tmany", 1), "I1 is 'many', expected a number"),
        ("criteo", CRITEO.replace("0\t1", "0\tnan", 1), "I1 is 'nan', expected a finite number"),
        ("criteo", CRITEO + "\n1\t2\t3", "holds 3 fields, expected 40"),
    ],
)
def test_a_click_log_with_a_bad_line_is_refused(
    shop: Operator, write: Write, format: str, text: str, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("import_ctr", write("clicks.txt", text), operator=shop.slug, format=format)
    assert kept() == []


@pytest.mark.parametrize(
    ("format", "file", "lines", "clicks"),
    [("avazu", "avazu_tiny/tr.rx.csv", 2994, 522), ("criteo", "criteo_tiny/train.tiny.csv", 1999, 418)],
)
def test_real_click_logs_are_imported_whole(
    shop: Operator, capsys: pytest.CaptureFixture[str], format: str, file: str, lines: int, clicks: int
) -> None:
    if not (SHARED / file).is_file():
        pytest.skip(f"{SHARED / file} is not there.")

    call_command("import_ctr", SHARED / file, operator=shop.slug, format=format)

    assert f"{lines} lines mapped, {lines} of them new." in capsys.readouterr().out
    assert ImportedInteraction.objects.count() == lines
    assert ImportedInteraction.objects.filter(label=True).count() == clicks


def test_real_ratings_are_understood_without_being_told(
    shop: Operator, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(settings.CARRIERS) / "recbole/recbole/dataset_example/ml-100k/ml-100k.inter"
    if not path.is_file():
        pytest.fail(f"{path} is not there: run `make carriers`.")
    beginning = "".join(path.read_text().splitlines(keepends=True)[:2001])

    call_command("import_ratings", write("ml-100k.inter", beginning), operator=shop.slug, category="movies")

    assert "ratings/ml-100k.inter: 2000 lines mapped, 2000 of them new." in capsys.readouterr().out
    assert sum(row.label for row in kept()) == sum(
        float(line.split("\t")[2]) >= 4 for line in beginning.split("\n")[1:-1]
    )


def test_the_open_bandit_dataset_is_imported_with_its_propensities(
    shop: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(settings.CARRIERS) / "obp"
    if not folder.is_dir():
        pytest.fail(f"{folder} is not there: run `make carriers`.")
    call_command("import_open_bandit", folder, operator=shop.slug, campaign="men", policy="random")

    printed = capsys.readouterr().out
    assert "Saito" in printed
    assert "open-bandit/random/men: 10000 lines mapped, 10000 of them new." in printed
    men = ImportedInteraction.objects.filter(source="open-bandit/random/men")
    propensities = set(men.values_list("creative_id", "propensity"))
    assert math.isclose(sum(propensity for _, propensity in propensities), 1.0, rel_tol=1e-3)
    assert set(men.values_list("position", flat=True)) == {0, 1, 2}


def test_a_bandit_log_with_a_bad_line_imports_neither_policy(shop: Operator, tmp_path: Path) -> None:
    for policy, propensity in (("random", "0.5"), ("bts", "0")):
        folder = tmp_path / policy / "all"
        folder.mkdir(parents=True)
        (folder / "item_context.csv").write_text(",item_id\n0,0\n1,1\n")
        (folder / "all.csv").write_text(
            f",timestamp,item_id,position,click,propensity_score\n0,2019-11-24 00:00:10+00:00,1,3,0,{propensity}\n"
        )

    with pytest.raises(CommandError, match="line 2: propensity_score is 0, but the item was shown"):
        call_command("import_open_bandit", tmp_path, operator=shop.slug)
    assert kept() == []


@given(st.text(max_size=12))
def test_a_number_is_finite_or_a_bad_line(text: str) -> None:
    value = 0.0
    with suppress(BadLine):
        value = number_of({"x": text}, "x")

    assert math.isfinite(value)


@given(st.text(max_size=24) | st.floats().map(str) | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat))
def test_a_time_has_a_zone_or_is_a_bad_line(text: str) -> None:
    moment = datetime.now(UTC)
    with suppress(BadLine):
        moment = time_of({"at": text}, "at")

    assert moment.tzinfo is not None


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"a,b\n{text}".encode(errors="replace")))
def test_any_bytes_are_read_or_refused_with_a_reason(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path, read = tmp_path_factory.getbasetemp() / "any.csv", list[int]()
    path.write_bytes(content)

    with suppress(LogUnusable):
        found = records(
            path, lambda number, row: number, layout=Layout(), needed=("a",), faults=Faults(path.name, tolerated=True)
        )
        read.extend(found)

    assert read == sorted(set(read))
