import os

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceid.errors import ProtectionSealed
from faceid.match import THRESHOLD_STRICT, cosine
from faceid.protect import Protection, context_of
from faceid.sealed import MasterKey, rewrap

MASTER, OTHER = MasterKey(bytes(range(32))), MasterKey(bytes(32))
KEY, SECOND, THIRD = (Protection.generate() for _ in range(3))
OWNER = b"operator"
SIGMA = 128**-0.5
"""Unrelated unit vectors of 128 numbers have cosines of mean 0 and this deviation."""


def unit(count: int, seed: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((count, 128)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def solved(plain: NDArray[np.float32], protected: NDArray[np.float32]) -> NDArray[np.float64]:
    """Solve the orthogonal Procrustes problem: the rotation that carries ``plain`` nearest to ``protected``."""
    left, _, right = np.linalg.svd(plain.T.astype(np.float64) @ protected.astype(np.float64))
    return np.asarray(left @ right)


def faces(count: int, seed: int, lean: float) -> NDArray[np.float32]:
    """Draw unit vectors that have a part of length ``lean`` in common, as embeddings of faces do."""
    vectors = unit(count, seed) * (1 - lean**2) ** 0.5
    vectors += lean * unit(1, seed + 1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


seeds, leans = st.integers(0, 2**32 - 1), st.floats(0.0, 0.3)


@settings(max_examples=25, deadline=None)
@given(seeds, leans)
def test_any_key_keeps_cosines_and_distances(seed: int, lean: float):
    vectors, key = faces(20, seed, lean), Protection.generate()

    protected = key.apply(vectors)

    assert protected.dtype == np.float32
    apart, plain = (np.linalg.norm(one[:, None] - one[None], axis=2) for one in (protected, vectors))
    np.testing.assert_allclose(apart, plain, atol=1e-5)
    np.testing.assert_allclose(protected @ protected.T, vectors @ vectors.T, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(protected, axis=1), 1.0, atol=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_moving_to_another_key_equals_protecting_with_it(seed: int):
    vectors = unit(20, seed)

    moved = KEY.move(KEY.apply(vectors), SECOND)

    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, SECOND.apply(vectors), atol=1e-6)
    np.testing.assert_allclose(SECOND.move(moved, THIRD), THIRD.apply(vectors), atol=1e-6)
    np.testing.assert_allclose(SECOND.move(moved, KEY), KEY.apply(vectors), atol=1e-6)


def test_a_hundred_rotations_keep_cosines():
    vectors, held = unit(20, 3), KEY
    moved = held.apply(vectors)

    for _ in range(100):
        fresh = Protection.generate()
        moved, held = held.move(moved, fresh), fresh

    np.testing.assert_allclose(moved @ moved.T, vectors @ vectors.T, atol=5e-6)
    np.testing.assert_allclose(held.remove(moved), vectors, atol=5e-6)


@settings(max_examples=25, deadline=None)
@given(seeds, leans)
def test_templates_of_one_face_under_any_two_keys_are_as_unrelated_as_those_of_strangers(seed: int, lean: float):
    vectors, key, other = faces(200, seed, lean), Protection.generate(), Protection.generate()
    mine, theirs = key.apply(vectors), other.apply(vectors)

    one_face = (mine * theirs).sum(axis=1)
    strangers = (mine * np.roll(theirs, 1, axis=0)).sum(axis=1)
    plain = (mine * vectors).sum(axis=1)

    # Six deviations and, of two hundred squares, five: once in some hundred thousand runs chance alone exceeds that.
    for cosines in (one_face, strangers, plain):
        assert np.abs(cosines).max() < 6 * SIGMA
        assert abs(cosines.mean()) < SIGMA
        assert 0.5 < np.square(cosines / SIGMA).mean() < 2.0


def test_the_matrix_is_orthonormal_and_drawn_anew_each_time():
    basis = KEY.apply(np.eye(128, dtype=np.float32))

    np.testing.assert_allclose(basis @ basis.T, np.eye(128), atol=1e-6)
    assert len({KEY.key_id, SECOND.key_id, THIRD.key_id}) == 3


def test_one_vector_and_a_batch_are_protected_alike():
    vectors = unit(3, 1)

    np.testing.assert_allclose(KEY.apply(vectors[1]), KEY.apply(vectors)[1], atol=1e-6)
    np.testing.assert_allclose(KEY.move(vectors[1], SECOND), KEY.move(vectors, SECOND)[1], atol=1e-6)
    assert float(cosine(KEY.apply(vectors[1]), KEY.apply(vectors)[1])) == pytest.approx(1.0, abs=1e-6)


class TestKnownWeaknesses:
    """What the protection does not withstand, so that nobody claims it does."""

    def test_whoever_has_the_key_has_the_embeddings(self):
        vectors = unit(50, 4)

        np.testing.assert_allclose(KEY.remove(KEY.apply(vectors)), vectors, atol=1e-6)

    @pytest.mark.parametrize("pairs", [128, 200])
    def test_as_many_known_pairs_as_dimensions_give_the_key_away(self, pairs: int):
        known, fresh = unit(pairs, 5), unit(50, 6)

        key = solved(known, KEY.apply(known))

        assert (KEY.apply(fresh) * (fresh @ key)).sum(axis=1).min() > 0.9999

    def test_with_fewer_pairs_what_they_do_not_span_stays_hidden(self):
        known, fresh = unit(64, 5), unit(200, 6)

        key = solved(known, KEY.apply(known))

        # Half of the space is known: the cosine is about one half, and a part of 64 dimensions is still a guess.
        found = (KEY.apply(fresh) * (fresh @ key)).sum(axis=1)
        assert 0.35 < found.mean() < 0.65
        rest = fresh - fresh @ np.linalg.pinv(known) @ known
        hidden = (KEY.apply(rest / np.linalg.norm(rest, axis=1, keepdims=True)) * (rest @ key)).sum(axis=1)
        assert abs(hidden.mean()) < 0.1

    def test_a_handful_of_pairs_recognises_nobody_new(self):
        known, fresh = unit(16, 5), unit(200, 6)

        key = solved(known, KEY.apply(known))

        assert (KEY.apply(fresh) * (fresh @ key)).sum(axis=1).mean() < THRESHOLD_STRICT / 2

    def test_the_same_templates_under_two_keys_are_linked_by_their_pairwise_cosines(self):
        vectors = unit(60, 8)
        order = np.random.default_rng(9).permutation(60)
        mine, theirs = KEY.apply(vectors), SECOND.apply(vectors[order])

        # Cosines to all others, sorted, say which template is which without either key.
        mine_seen, theirs_seen = (np.sort(table @ table.T, axis=1) for table in (mine, theirs))
        distance = np.abs(mine_seen[:, None, :] - theirs_seen[None, :, :]).sum(axis=2)

        assert np.array_equal(order[distance.argmin(axis=1)], np.arange(60))

    def test_an_old_backup_is_linked_to_the_rows_of_the_next_key(self):
        vectors = unit(60, 10)
        backup = KEY.apply(vectors)
        rows = KEY.move(backup, SECOND)

        np.testing.assert_allclose(backup @ backup.T, rows @ rows.T, atol=2e-6)


class TestStorage:
    """A sealed key opens with its wrapping key, in its owner's place, unaltered."""

    def test_a_sealed_key_opens_to_itself(self):
        opened = Protection.open(KEY.seal(MASTER, OWNER), [OTHER, MASTER], OWNER)

        assert (opened.key_id, opened.name, opened.dimension) == (KEY.key_id, f"orthonormal-1:{KEY.key_id}", 128)
        vectors = unit(5, 2)
        assert np.array_equal(opened.apply(vectors), KEY.apply(vectors))

    def test_sealing_twice_gives_different_bytes(self):
        assert KEY.seal(MASTER, OWNER) != KEY.seal(MASTER, OWNER)

    def test_another_master_key_opens_nothing(self):
        with pytest.raises(ProtectionSealed) as refusal:
            Protection.open(KEY.seal(MASTER, OWNER), [OTHER], OWNER)
        assert refusal.value.code == "protection_sealed"

    def test_another_operators_key_does_not_open_in_its_place(self):
        with pytest.raises(ProtectionSealed):
            Protection.open(KEY.seal(MASTER, OWNER), [MASTER], b"rival")

    def test_a_key_wrapped_anew_is_the_same_key(self):
        moved = rewrap(KEY.seal(MASTER, OWNER), [MASTER], OTHER, context_of(OWNER))

        assert Protection.open(moved, [OTHER], OWNER).key_id == KEY.key_id

    @pytest.mark.parametrize("master", [MASTER, OTHER])
    def test_a_key_of_the_first_version_opens_under_its_master_key_only(self, master: MasterKey):
        matrix = KEY.apply(np.eye(128, dtype=np.float32))
        nonce = os.urandom(12)
        sealed = b"VPK1" + nonce + AESGCM(MASTER.key).encrypt(nonce, matrix.astype("<f4").tobytes(), b"orthonormal-1")

        if master is MASTER:
            opened = Protection.open(sealed, [OTHER, master], OWNER)
            np.testing.assert_allclose(opened.apply(unit(5, 2)), KEY.apply(unit(5, 2)), atol=1e-6)
        else:
            with pytest.raises(ProtectionSealed):
                Protection.open(sealed, [master], OWNER)

    @pytest.mark.parametrize("sealed", [b"", b"VPK1", b"VPK1" + bytes(12), b"VEN1", b"VEN1" + bytes(40)])
    def test_bytes_that_are_no_key_are_refused(self, sealed: bytes):
        with pytest.raises(ProtectionSealed):
            Protection.open(sealed, [MASTER], OWNER)


@pytest.mark.parametrize("call", [KEY.apply, KEY.remove, lambda vectors: KEY.move(vectors, SECOND)])
def test_an_embedding_of_another_dimension_is_refused(call):
    with pytest.raises(ValueError, match="128 numbers, but the embedding has 512"):
        call(np.zeros((1, 512), dtype=np.float32))


def test_a_key_of_another_dimension_takes_over_nothing():
    with pytest.raises(ValueError, match="128 numbers cannot be exchanged for one of 64"):
        KEY.move(unit(2, 1), Protection.generate(64))


def test_the_matrix_is_not_shown():
    assert repr(KEY) == f"Protection(key_id='{KEY.key_id}')"
