import io

import numpy as np
import pytest
from PIL import Image

from demo import artwork, catalogue
from demo.catalogue import Work

WORKS = {work.title: work for work in catalogue.WORKS}
LONGEST = max(catalogue.WORKS, key=lambda work: len(work.title))


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


@pytest.mark.parametrize("title", ["Kites", "Winter soles", "Member evening", LONGEST.title])
def test_a_poster_is_a_jpeg_of_1280_by_720(title, picture_size):
    assert picture_size(artwork.render(WORKS[title])) == ("JPEG", (1280, 720))


def test_a_poster_is_the_same_every_time():
    assert artwork.render(WORKS["Kites"]) == artwork.render(WORKS["Kites"])


def test_posters_of_two_works_differ_beyond_their_words():
    first, second = (pixels(artwork.render(WORKS[title])) for title in ("The Ninth Signal", "Orbit of Small Things"))

    nothing_is_written_here = np.s_[:200, 700:]
    assert np.abs(first[nothing_is_written_here] - second[nothing_is_written_here]).mean() > 5


def test_the_words_of_a_work_are_on_its_poster():
    work = Work("Kites", "Hand drawn.", "movies.animation", None)
    other_line = Work("Kites", "Twelve years.", "movies.animation", None)
    other_speaker = Work("Kites", "Hand drawn.", "movies.animation", "Meridian Studios")

    poster = pixels(artwork.render(work))

    assert (pixels(artwork.render(other_line)) != poster).any()
    assert (pixels(artwork.render(other_speaker)) != poster).any()


def test_a_long_title_stays_inside_the_picture():
    title = "A very long title that needs several lines because nobody wanted to shorten it"
    poster = pixels(artwork.render(Work(title, "A line.", "movies.drama", None)))

    white = (poster > 245).all(axis=2)
    assert white[:, 72:1000].any()
    assert not white[:, -40:].any()
    assert not white[-30:].any()
