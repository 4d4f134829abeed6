"""MovieLens-100k: ratings of films, as engagements with the films' genres on the screens of an entertainment venue."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from events.services import Interaction
from training.logs.catalogue import Item, LogUnusable, Place, at, below, rows_of, spread
from training.logs.table import BadLine, number_of, time_of

SOURCE = "movielens-100k"
FOLDER = Path("recbole", "dataset_example", "ml-100k")
FAMILY, VENUES = "movies", "entertainment"
ENGAGED = 4.0
"""The lowest rating that counts as engagement."""
GENRES = {
    "Action": "action", "Adventure": "adventure", "Animation": "animation", "Children's": "childrens",
    "Comedy": "comedy", "Crime": "crime", "Documentary": "documentary", "Drama": "drama", "Fantasy": "fantasy",
    "Film-Noir": "noir", "Horror": "horror", "Musical": "musical", "Mystery": "mystery", "Romance": "romance",
    "Sci-Fi": "sci_fi", "Thriller": "thriller", "War": "war", "Western": "western",
}  # fmt: skip
"""MovieLens' genres and the last word of their category."""
FILM_COLUMNS = ("item_id:token", "movie_title:token_seq", "class:token_seq")
RATING_COLUMNS = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
NOTICE = (
    "MovieLens-100k was collected by the GroupLens research project at the University of Minnesota. It may be used for"
    " research only, neither redistributed nor used commercially without permission, and without any endorsement by"
    " GroupLens. Cite: F. Maxwell Harper and Joseph A. Konstan, The MovieLens Datasets: History and Context,"
    " ACM Transactions on Interactive Intelligent Systems 5(4), article 19, 2015. It is read from the package recbole"
    " (MIT licence), which ships it without a licence text of its own; nothing of it is part of Vitrine."
)


@dataclass(frozen=True, slots=True)
class Film:
    """One film; genres as MovieLens spells them."""

    key: str
    title: str
    genres: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rating:
    """What somebody thought of a film: 1 to 5 stars."""

    sequence: int
    user: str
    film: str
    stars: float
    at: datetime


def read_films(source: Path) -> dict[str, Film]:
    """Read the films by their keys from the unpacked package.

    Raises:
        LogUnusable: the file is not there or looks different.
    """
    return {
        row["item_id:token"]: Film(
            row["item_id:token"], row["movie_title:token_seq"], tuple(row["class:token_seq"].split())
        )
        for row in rows_of(source / FOLDER / "ml-100k.item", FILM_COLUMNS, delimiter="\t")
    }


def read_ratings(source: Path) -> Iterator[Rating]:
    """Read the ratings in the order of the file.

    Raises:
        LogUnusable: the file is not there or looks different.
    """
    rows = rows_of(source / FOLDER / "ml-100k.inter", RATING_COLUMNS, delimiter="\t")
    for sequence, row in enumerate(rows, start=1):
        try:
            yield Rating(
                sequence, row["user_id:token"], row["item_id:token"], number_of(row, "rating:float", low=1, high=5),
                time_of(row, "timestamp:float"),
            )  # fmt: skip
        except BadLine as error:
            raise LogUnusable(f"ml-100k.inter, line {sequence + 1}: {error}; nothing was imported.") from error


def creative_of(film: Film, items: Sequence[Item]) -> Item | None:
    """Choose the creative that stands for a film: one of its genres, by a stable hash; None when there is no such."""
    wanted = {f"{FAMILY}.{GENRES[genre]}" for genre in film.genres if genre in GENRES}
    related = [item for item in items if item.category in wanted]
    return spread(f"{SOURCE} {film.key}", related) if related else None


def interactions(
    source: Path, items: Sequence[Item], places: Sequence[Place], person: Callable[[str], str]
) -> Iterator[Interaction]:
    """Map the ratings; those of films without a related creative are left out.

    Args:
        person: makes an opaque key of a user's number.

    Raises:
        LogUnusable: the log, the creatives or the screens are not there.
    """
    creatives, screens, keys = below(items, FAMILY), at(places, VENUES), dict[str, str]()
    films = {key: creative_of(film, creatives) for key, film in read_films(source).items()}
    for rating in read_ratings(source):
        creative = films.get(rating.film)
        if creative is None:
            continue
        place = spread(f"{SOURCE} {rating.sequence}", screens)
        if rating.user not in keys:
            keys[rating.user] = person(f"{SOURCE} {rating.user}")
        yield Interaction(
            sequence=rating.sequence, creative_id=creative.id, at=rating.at, label=rating.stars >= ENGAGED,
            person=keys[rating.user], screen_id=place.screen_id, scene=place.scene,
        )  # fmt: skip
