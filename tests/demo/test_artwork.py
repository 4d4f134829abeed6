import io

import pytest
from PIL import Image

from demo.artwork import SIZE, render
from demo.catalogue import FILMS, VENUE_OF_ADVERTISER, WORKS


def test_a_poster_is_a_jpeg_of_its_size() -> None:
    with Image.open(io.BytesIO(render(FILMS[0]))) as image:
        assert (image.format, image.size) == ("JPEG", SIZE)


def test_a_poster_is_the_same_every_time_and_differs_from_the_others() -> None:
    assert render(FILMS[0]) == render(FILMS[0])
    assert render(FILMS[0]) != render(FILMS[1])


def test_every_work_has_a_title_of_its_own_and_an_advertiser_with_a_venue() -> None:
    assert len({work.title for work in WORKS}) == len(WORKS)
    assert {work.advertiser for work in WORKS if work.advertiser} == set(VENUE_OF_ADVERTISER)


@pytest.mark.parametrize("work", [FILMS[0], WORKS[-1]], ids=["paid", "house"])
def test_the_lowest_sixth_is_left_to_the_players_caption(work: object) -> None:
    with Image.open(io.BytesIO(render(work))) as image:  # type: ignore[arg-type]
        lowest = image.convert("L").crop((60, SIZE[1] * 5 // 6, 500, SIZE[1]))

    assert max(lowest.tobytes()) < 235  # type is white
