import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceid.errors import ProtectionSealed
from faceid.match import cosine
from faceid.protect import Protection

MASTER = bytes(range(32))
KEY = Protection.generate()


def unit(count: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((count, 128)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_protection_keeps_cosines(seed: int):
    vectors = unit(20, seed)

    protected = KEY.apply(vectors)

    assert protected.dtype == np.float32
    np.testing.assert_allclose(protected @ protected.T, vectors @ vectors.T, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(protected, axis=1), 1.0, atol=1e-6)


def test_protected_templates_are_unrelated_to_the_plain_ones_and_to_those_under_another_key():
    vectors, other = unit(500, 7), Protection.generate()

    against_plain = (KEY.apply(vectors) * vectors).sum(axis=1)
    against_other_key = (KEY.apply(vectors) * other.apply(vectors)).sum(axis=1)

    # Unrelated unit vectors of 128 numbers have cosines of mean 0 and deviation 128 ** -0.5 = 0.088.
    for cosines in (against_plain, against_other_key):
        assert abs(cosines.mean()) < 0.05
        assert np.abs(cosines).max() < 0.45


def test_the_matrix_is_orthonormal_and_drawn_anew_each_time():
    basis = KEY.apply(np.eye(128, dtype=np.float32))

    np.testing.assert_allclose(basis @ basis.T, np.eye(128), atol=1e-6)
    assert Protection.generate().key_id != KEY.key_id


def test_one_vector_and_a_batch_are_protected_alike():
    vectors = unit(3, 1)

    np.testing.assert_allclose(KEY.apply(vectors[1]), KEY.apply(vectors)[1], atol=1e-6)
    assert float(cosine(KEY.apply(vectors[1]), KEY.apply(vectors)[1])) == pytest.approx(1.0, abs=1e-6)


def test_a_sealed_key_opens_to_itself():
    opened = Protection.from_bytes(KEY.to_bytes(MASTER), MASTER)

    assert (opened.key_id, opened.name, opened.dimension) == (KEY.key_id, f"orthonormal-1:{KEY.key_id}", 128)
    vectors = unit(5, 2)
    assert np.array_equal(opened.apply(vectors), KEY.apply(vectors))


def test_sealing_twice_gives_different_bytes():
    assert KEY.to_bytes(MASTER) != KEY.to_bytes(MASTER)


def test_another_master_key_opens_nothing():
    with pytest.raises(ProtectionSealed) as refusal:
        Protection.from_bytes(KEY.to_bytes(MASTER), bytes(32))
    assert refusal.value.code == "protection_sealed"


@pytest.mark.parametrize("position", [0, 5, 20, -1])
def test_one_altered_byte_is_noticed(position: int):
    sealed = bytearray(KEY.to_bytes(MASTER))
    sealed[position] ^= 1

    with pytest.raises(ProtectionSealed):
        Protection.from_bytes(bytes(sealed), MASTER)


@pytest.mark.parametrize("sealed", [b"", b"VPK1", b"VPK1" + bytes(12)])
def test_bytes_that_are_too_short_are_refused(sealed: bytes):
    with pytest.raises(ProtectionSealed):
        Protection.from_bytes(sealed, MASTER)


def test_a_master_key_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes, not 16"):
        KEY.to_bytes(bytes(16))


def test_an_embedding_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match="128 numbers, but the embedding has 512"):
        KEY.apply(np.zeros((1, 512), dtype=np.float32))


def test_the_matrix_is_not_shown():
    assert repr(KEY) == f"Protection(key_id='{KEY.key_id}')"
