import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sealing import BrokenSeal, derive, seal, unseal


@given(st.binary(max_size=200))
def test_what_is_sealed_comes_back(value: bytes) -> None:
    assert unseal("test", seal("test", value)) == value


def test_two_seals_of_one_value_differ() -> None:
    assert seal("test", b"same") != seal("test", b"same")


@pytest.mark.parametrize("position", [0, 11, 12, 20, -1])
def test_a_changed_value_is_refused(position: int) -> None:
    sealed = bytearray(seal("test", b"a secret value"))
    sealed[position] ^= 1

    with pytest.raises(BrokenSeal):
        unseal("test", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(40)])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(BrokenSeal):
        unseal("test", sealed)


def test_uses_do_not_share_keys() -> None:
    assert derive("one") != derive("two")
    with pytest.raises(BrokenSeal):
        unseal("two", seal("one", b"value"))
