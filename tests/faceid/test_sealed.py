import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from faceid.errors import ProtectionSealed
from faceid.sealed import MasterKey, rewrap, seal, unseal, wrapper_of

KEY, OTHER = MasterKey(bytes(range(32))), MasterKey(bytes(32))
HERE = b"the key of somebody"


@settings(max_examples=50)
@given(st.binary(max_size=300), st.binary(max_size=40))
def test_what_was_sealed_opens_to_itself(plain: bytes, context: bytes):
    sealed = seal(plain, KEY, context)

    assert unseal(sealed, [OTHER, KEY], context) == plain
    assert wrapper_of(sealed) == KEY.name
    assert len(plain) < 8 or plain not in sealed


def test_every_value_has_a_data_key_of_its_own(monkeypatch: pytest.MonkeyPatch):
    keys: list[bytes] = []
    generate = AESGCM.generate_key
    monkeypatch.setattr(AESGCM, "generate_key", lambda bits: keys.append(generate(bits)) or keys[-1])

    sealed = [seal(b"value", KEY, HERE) for _ in range(20)]

    assert len(set(keys)) == len(set(sealed)) == 20
    assert not any(key in envelope for key, envelope in zip(keys, sealed, strict=True))


def test_only_the_wrapping_key_it_names_opens_a_value():
    with pytest.raises(ProtectionSealed, match="master:"):
        unseal(seal(b"value", KEY, HERE), [OTHER], HERE)


def test_a_value_opens_only_in_its_own_place():
    with pytest.raises(ProtectionSealed):
        unseal(seal(b"value", KEY, HERE), [KEY], b"the key of somebody else")


def test_every_altered_byte_is_noticed():
    sealed = seal(b"value", KEY, HERE)

    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(ProtectionSealed):
            unseal(bytes(altered), [KEY], HERE)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"VEN1" + tail))
def test_what_was_never_sealed_is_refused(sealed: bytes):
    with pytest.raises(ProtectionSealed):
        unseal(sealed, [KEY], HERE)
    with pytest.raises(ProtectionSealed):
        rewrap(sealed, [KEY], OTHER, HERE)


def test_every_shortened_value_is_refused():
    sealed = seal(b"value", KEY, HERE)

    for length in range(len(sealed)):
        with pytest.raises(ProtectionSealed):
            unseal(sealed[:length], [KEY], HERE)


def test_wrapping_anew_changes_the_wrapping_and_nothing_else():
    plain = os.urandom(1000)
    sealed = seal(plain, KEY, HERE)

    moved = rewrap(sealed, [KEY], OTHER, HERE)

    assert wrapper_of(moved) == OTHER.name
    assert moved[-len(plain) - 28 :] == sealed[-len(plain) - 28 :]
    assert unseal(moved, [OTHER], HERE) == plain
    with pytest.raises(ProtectionSealed):
        unseal(moved, [KEY], HERE)


def test_what_cannot_be_opened_is_not_wrapped_anew():
    sealed = bytearray(seal(b"value", KEY, HERE))
    sealed[-1] ^= 1

    with pytest.raises(ProtectionSealed):
        rewrap(bytes(sealed), [KEY], OTHER, HERE)


def test_a_master_key_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes, not 16"):
        MasterKey(bytes(16))


def test_a_master_key_is_named_and_not_shown():
    assert repr(KEY) == "MasterKey()"
    assert KEY.name == MasterKey(bytes(range(32))).name != OTHER.name
    assert KEY.key.hex()[:16] not in KEY.name
