from hypothesis import given
from hypothesis import strategies as st

from training import people

keys = st.sets(st.text(min_size=1, max_size=30), max_size=40)


@given(keys, st.text(min_size=1, max_size=30))
def test_a_set_holds_exactly_its_keys(members: set[str], other: str) -> None:
    packed = people.pack(members)

    assert people.count(packed) == len(members)
    assert all(people.holds(packed, key) for key in members)
    assert people.holds(packed, other) == (other in members)


@given(keys, st.text(min_size=1, max_size=30))
def test_removing_a_key_removes_nothing_else(members: set[str], other: str) -> None:
    assert people.without(people.pack(members), other) == people.pack(members - {other})


def test_a_set_names_nobody() -> None:
    assert b"sub_" not in people.pack(["sub_01jd0000000000000000000000"])
    assert len(people.digest_of("sub_01jd0000000000000000000000")) == people.WIDTH
