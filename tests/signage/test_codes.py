from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from signage.codes import ALPHABET, LENGTH, new_code, normalise, spell


def test_codes_avoid_letters_that_look_alike() -> None:
    assert set(ALPHABET).isdisjoint("01OIL")
    assert len(set(ALPHABET)) == 31


def test_codes_differ_and_keep_to_their_alphabet() -> None:
    codes = {new_code() for _ in range(200)}

    assert len(codes) == 200
    assert all(len(code) == LENGTH and set(code) <= set(ALPHABET) for code in codes)


@profile(deadline=None)
@given(st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_what_a_screen_shows_reads_back_as_the_code(code: str) -> None:
    assert normalise(spell(code)) == code
    assert normalise(f"  {spell(code).lower()} \n") == code
    assert normalise(" ".join(code)) == code


@profile(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_without_harm(text: str) -> None:
    assert len(normalise(text)) <= LENGTH * 2
