import io
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from hypothesis import given
from hypothesis import strategies as st

from core.encoding import MAXIMUM_DEPTH, JSONParser, JSONRenderer
from core.problems import Malformed

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def parse(body: bytes) -> Any:
    return JSONParser().parse(io.BytesIO(body))


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@given(st.dictionaries(texts, values, max_size=4))
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    assert parse(JSONRenderer().render(value)) == value


def test_bodies_may_be_wide_and_as_deep_as_the_limit() -> None:
    wide = {"rows": [[index, {"a": index}] for index in range(1000)]}

    assert parse(orjson.dumps(wide)) == wide
    assert orjson.dumps(parse(nested(MAXIMUM_DEPTH))) == nested(MAXIMUM_DEPTH)


@pytest.mark.parametrize("depth", [MAXIMUM_DEPTH + 1, 300, 990])
@pytest.mark.parametrize("before", [b"{", b'{"wide": [[], {}, [1]], '])
def test_bodies_may_not_be_deeper(depth: int, before: bytes) -> None:
    with pytest.raises(Malformed, match=str(MAXIMUM_DEPTH)):
        parse(before + b'"b": ' + nested(depth) + b"}")


@pytest.mark.parametrize(
    "body", [b'{"a": "\\u0000"}', b'{"a\\u0000": 1}', b'{"a": [{"b": ["c\\u0000"]}]}', b'{"a": {"b\\u0000": {}}}']
)
def test_the_character_zero_is_refused_wherever_it_is(body: bytes) -> None:
    with pytest.raises(Malformed, match=r"U\+0000"):
        parse(body)


def test_a_text_about_the_character_zero_is_none() -> None:
    assert parse(rb'{"a": "\\u0000"}') == {"a": "\\u0000"}


def test_the_longest_body_is_read_and_one_byte_more_is_not() -> None:
    frame = b'{"a": ""}'
    longest = b'{"a": "' + b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE - len(frame)) + b'"}'

    assert len(parse(longest)["a"]) == settings.DATA_UPLOAD_MAX_MEMORY_SIZE - len(frame)
    with pytest.raises(RequestDataTooBig):
        parse(longest + b" ")


def test_no_answer_is_written_as_nothing() -> None:
    assert JSONRenderer().render(None) == b""
