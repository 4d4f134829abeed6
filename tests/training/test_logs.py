from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

import catalog.services
import events.selectors
import signage.services
from accounts.models import Operator
from events.models import ImportedInteraction
from training.logs import movielens, openbandit
from training.logs.catalogue import Item, LogUnusable, Place, at, below, rows_of, spread
from training.logs.imports import opaque

GENRES = sorted(movielens.GENRES.values())
PIECES = ("shoes", "coats", "dresses", "shirts")


def carrier(name: str) -> Path:
    """The unpacked package; without it these tests prove nothing, so they fail."""
    folder = Path(settings.CARRIERS) / name
    if not folder.is_dir():
        pytest.fail(f"The package {name} is not unpacked below {settings.CARRIERS}: run `make carriers`.")
    return folder


@pytest.fixture
def recbole() -> Path:
    return carrier("recbole")


@pytest.fixture
def obp() -> Path:
    return carrier("obp")


def items(*categories: str) -> list[Item]:
    return [Item(UUID(int=number), category, f"Creative {number}") for number, category in enumerate(categories, 1)]


FILMS = items(*(f"movies.{genre}" for genre in GENRES for _ in range(2)), "service")
FASHION = items(*(f"fashion.{piece}" for piece in PIECES for _ in range(2)))
PLACES = [
    Place(UUID(int=101), "entertainment.movie_theaters", "Aurora Lobby", "lobby"),
    Place(UUID(int=102), "entertainment.movie_theaters", "Aurora Queue", "queue"),
    Place(UUID(int=103), "retail.malls", "Harbour Entrance", "entrance"),
]
SHOPS = at(PLACES, "retail")


def test_movielens_holds_what_the_mapping_expects(recbole: Path) -> None:
    films = movielens.read_films(recbole)
    ratings = list(movielens.read_ratings(recbole))

    assert len(films) == 1682
    assert films["1"] == movielens.Film("1", "Toy Story", ("Animation", "Children's", "Comedy"))
    assert {genre for film in films.values() for genre in film.genres} == {*movielens.GENRES, "unknown"}
    assert len(ratings) == 100_000
    assert (ratings[0].sequence, ratings[0].user, ratings[0].film, ratings[0].stars) == (1, "196", "242", 3.0)
    assert ratings[0].at.isoformat() == "1997-12-04T15:55:49+00:00"


def test_a_film_becomes_a_creative_of_one_of_its_genres(recbole: Path) -> None:
    chosen = {key: movielens.creative_of(film, FILMS) for key, film in movielens.read_films(recbole).items()}
    films = movielens.read_films(recbole)

    assert [key for key, item in chosen.items() if item is None] == ["267", "1373"]
    for key, item in chosen.items():
        if item is not None:
            assert item.category.removeprefix("movies.") in {movielens.GENRES[genre] for genre in films[key].genres}
    assert len({item for item in chosen.values() if item}) == len(FILMS) - 1


def test_ratings_become_engagements(recbole: Path) -> None:
    rows = list(movielens.interactions(recbole, FILMS, PLACES, opaque))

    assert len(rows) == 99_990
    assert sum(row.label for row in rows) == 55_370
    assert len({row.person for row in rows}) == 943
    assert {row.screen_id for row in rows} == {UUID(int=101), UUID(int=102)}
    assert {row.scene for row in rows} == {"lobby", "queue"}
    assert {row.propensity for row in rows} == {None}
    assert len({row.sequence for row in rows}) == len(rows)


def test_people_of_a_log_are_opaque(recbole: Path) -> None:
    first = next(movielens.interactions(recbole, FILMS, PLACES, opaque))

    assert len(first.person) == 24
    assert first.person == opaque("movielens-100k 196")
    assert first.person != opaque("movielens-100k 197")


def test_the_mapping_does_not_depend_on_ids_or_order(recbole: Path) -> None:
    films = movielens.read_films(recbole)
    renamed = [Item(UUID(int=1000 - item.id.int), item.category, item.title) for item in reversed(FILMS)]

    for film in films.values():
        one = movielens.creative_of(film, below(FILMS, "movies"))
        two = movielens.creative_of(film, below(renamed, "movies"))
        assert (one.title if one else None) == (two.title if two else None)


def test_open_bandit_holds_what_the_mapping_expects(obp: Path) -> None:
    for policy, clicks in (("random", 38), ("bts", 42)):
        placements = list(openbandit.read_placements(obp, policy, lambda placement: placement))
        assert len(placements) == 10_000
        assert sum(placement.click for placement in placements) == clicks
        assert {placement.position for placement in placements} == {0, 1, 2}
        assert len(openbandit.read_items(obp, policy)) == 80


def test_placements_become_engagements_of_nobody(obp: Path) -> None:
    rows = list(openbandit.interactions(obp, "random", FASHION, SHOPS))

    assert len(rows) == 10_000
    assert sum(row.label for row in rows) == 38
    assert {row.person for row in rows} == {""}
    assert {(row.screen_id, row.scene) for row in rows} == {(UUID(int=103), "entrance")}
    assert {row.creative_id for row in rows} == {item.id for item in FASHION}


def test_merged_items_add_up_their_propensities(obp: Path) -> None:
    rows = list(openbandit.interactions(obp, "random", FASHION, SHOPS))

    propensity = {row.creative_id: row.propensity for row in rows}
    assert sum(value for value in propensity.values() if value) == pytest.approx(1.0)
    shown = Counter(row.creative_id for row in rows)
    for creative, expected in propensity.items():
        assert expected is not None
        assert shown[creative] / len(rows) == pytest.approx(expected, abs=0.01)


def test_a_propensity_that_the_log_does_not_hold_is_unknown(obp: Path) -> None:
    assert {row.propensity for row in openbandit.interactions(obp, "bts", FASHION, SHOPS)} == {None}


def test_a_propensity_is_kept_where_one_item_is_one_creative(obp: Path) -> None:
    many = items(*(f"fashion.{piece}" for piece in PIECES for _ in range(500)))
    rows = list(openbandit.interactions(obp, "bts", many, SHOPS))

    placements = openbandit.read_placements(obp, "bts", lambda placement: placement.propensity)
    kept = [(row.propensity, logged) for row, logged in zip(rows, placements, strict=True) if row.propensity]
    assert len(kept) > 9_000
    assert all(propensity == logged for propensity, logged in kept)


def test_a_missing_log_names_the_way_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(LogUnusable, match="make carriers"):
        list(movielens.interactions(tmp_path, FILMS, PLACES, opaque))
    with pytest.raises(LogUnusable, match="make carriers"):
        list(openbandit.interactions(tmp_path, "random", FASHION, SHOPS))


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")

    assert list(rows_of(tmp_path / "table.csv", ("a",))) == [{"a": "1", "b": "2"}]
    with pytest.raises(LogUnusable, match="no column c"):
        list(rows_of(tmp_path / "table.csv", ("a", "c")))


def test_nothing_to_map_onto_is_said() -> None:
    with pytest.raises(LogUnusable, match="no creative of a category movies"):
        below(FASHION, "movies")
    with pytest.raises(LogUnusable, match="no screen at a venue of a category education"):
        at(PLACES, "education")


@given(st.text(), st.lists(st.integers(), min_size=1))
def test_spreading_chooses_one_of_the_choices_and_stays_with_it(word: str, choices: list[int]) -> None:
    assert spread(word, choices) in choices
    assert spread(word, choices) == spread(word, list(choices))


@pytest.fixture
def stocked(operator: Operator) -> Operator:
    """An operator with a cinema, a shop, films and fashion."""
    for name, category, key in (
        ("Aurora", "entertainment.movie_theaters", "lobby"),
        ("Harbour", "retail.malls", "entrance"),
    ):
        venue = signage.services.add_venue(
            operator_id=operator.id, name=name, category=category, timezone="Europe/Amsterdam", actor="member:one"
        )
        scene = signage.services.add_scene(
            operator_id=operator.id, venue_id=venue.id, key=key, name=key, actor="member:one"
        )
        signage.services.add_screen(
            operator_id=operator.id, venue_id=venue.id, name=key, default_scene_id=scene.id, actor="member:one"
        )
    for category in (*(f"movies.{genre}" for genre in GENRES), *(f"fashion.{piece}" for piece in PIECES)):
        catalog.services.add_creative(
            operator_id=operator.id, title=category, category=category, duration_ms=8_000, actor="member:one"
        )
    return operator


def test_the_command_imports_once_and_prints_the_notices(
    stocked: Operator, recbole: Path, obp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        call_command("import_logs", "movielens", operator=stocked.slug, source=str(recbole))
        call_command("import_logs", "openbandit", operator=stocked.slug, source=str(obp))

    printed = capsys.readouterr().out
    assert printed.count("GroupLens") == 2 * 2
    assert "Harper" in printed
    assert "Saito" in printed
    assert "movielens-100k: 99990 lines mapped, 99990 of them new." in printed
    assert "movielens-100k: 99990 lines mapped, 0 of them new." in printed
    assert "open-bandit/bts/all: 10000 lines mapped, 0 of them new." in printed
    counted = Counter(ImportedInteraction.objects.values_list("source", flat=True))
    assert counted == {"movielens-100k": 99_990, "open-bandit/random/all": 10_000, "open-bandit/bts/all": 10_000}


def test_imported_lines_become_examples(stocked: Operator, obp: Path) -> None:
    call_command("import_logs", "openbandit", operator=stocked.slug, source=str(obp))

    rows = list(events.selectors.examples(operator_id=stocked.id, until=timezone.now()))

    assert len(rows) == 20_000
    assert {row["venue_category"] for row in rows} == {"retail.malls"}
    assert {row["viewer"] for row in rows} == {None}


def test_the_command_refuses_what_it_cannot_do(operator: Operator, recbole: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no operator with the slug 'nobody'"):
        call_command("import_logs", "movielens", operator="nobody", source=str(recbole))
    with pytest.raises(CommandError, match="no creative of a category movies"):
        call_command("import_logs", "movielens", operator=operator.slug, source=str(recbole))
    assert not ImportedInteraction.objects.exists()
