from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import MalformedId, new_id, parse_public_id, public_id


@given(st.uuids())
def test_public_id_returns_to_its_uuid(value: UUID) -> None:
    assert parse_public_id("scr", public_id("scr", value)) == value


def test_public_id_of_known_value() -> None:
    # The example of the TypeID specification.
    assert public_id("prefix", UUID("01890a5d-ac96-774b-bcce-b302099a8057")) == "prefix_01h455vb4pex5vsknk084sn02q"


@given(st.lists(st.uuids(), min_size=2, max_size=5))
def test_public_ids_sort_like_their_uuids(values: list[UUID]) -> None:
    assert sorted(public_id("dec", value) for value in values) == [public_id("dec", value) for value in sorted(values)]


def test_new_ids_rise() -> None:
    ids = [new_id() for _ in range(1000)]

    assert ids == sorted(ids)
    assert {value.version for value in ids} == {7}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "scr_",
        "scr",
        None,
        7,
        "dec_01h455vb4pex5vsknk084sn02q",
        "scr_01h455vb4pex5vsknk084sn02",
        "scr_81h455vb4pex5vsknk084sn02q",
        "scr_01h455vb4pex5vsknk084sn02u",
        "SCR_01h455vb4pex5vsknk084sn02q",
        "scr_01h455vb4pex5vsknk084sn02q\n",
    ],
)
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(MalformedId):
        parse_public_id("scr", text)
