"""What creatives look like: described once, kept with the media, and handed to rankers with the catalogue."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from celery import current_app
from django.db import IntegrityError, transaction
from onnx import TensorProto, helper
from pytest_django import Settings

from accounts.models import Operator
from catalog import looks, tasks
from catalog.looks import VisionTooWide, looks_of, of_operator
from catalog.models import Creative, Media
from catalog.selectors import creatives
from catalog.services import add_creative, attach_media, look_at_media, store_media
from catalog.services import looks as describing
from catalog.serving import build, snapshot
from catalog.storage import media_path
from core.epochs import versions
from core.tenancy import operator_scope
from recsys.pictures.album import decode
from recsys.pictures.descriptor import Descriptor
from recsys.pictures.vision import VisionRefused

ACTOR = "member:test"
Draw = Callable[..., bytes]


@pytest.fixture(autouse=True)
def no_network(settings: Settings) -> None:
    """The shipped descriptor, whatever the machine is configured for."""
    settings.PICTURE_NETWORK, settings.PICTURE_NETWORK_SHA256 = "", ""


@pytest.fixture
def store(operator: Operator, draw: Draw) -> Callable[[str], Media]:
    """Store a picture of one colour."""

    def keep(colour: str) -> Media:
        return store_media(operator_id=operator.id, data=draw(colour=colour), content_type="image/png", actor=ACTOR)

    return keep


def look(operator: Operator) -> None:
    assert look_at_media(operator_id=operator.id) is None


def vector(media: Media) -> Any:
    media.refresh_from_db()
    return np.frombuffer(media.look, dtype="<f4")


def network(path: Path, outputs: int = 3) -> str:
    """Write a network that gives so many numbers; returns its digest."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Tile", ["mean", "times"], ["found"]),
    ]
    graph = helper.make_graph(
        nodes,
        "vision",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info("found", TensorProto.FLOAT, [1, outputs, 1, 1])],
        [helper.make_tensor("times", TensorProto.INT64, [4], [1, outputs // 3, 1, 1])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return sha256(path.read_bytes()).hexdigest()


def test_a_stored_picture_is_described_once(operator: Operator, media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    look(operator)

    expected = Descriptor().describe(decode(media_path(media.sha256).read_bytes()))
    assert vector(media).tolist() == expected.tolist()
    assert media.vision == "descriptor-1-64"
    before = versions(operator_id=operator.id)
    monkeypatch.setattr(describing, "_describe", None)
    look(operator)
    assert versions(operator_id=operator.id) == before


def test_storing_a_picture_asks_for_it_to_be_described(
    operator: Operator, draw: Draw, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[str, tuple[str, ...]]] = []

    class Message:
        def __init__(self, name: str, args: tuple[str, ...]) -> None:
            sent.append((name, args))

        def apply_async(self, retry: bool) -> None:
            assert not retry

    monkeypatch.setattr(current_app._get_current_object(), "signature", Message)
    with django_capture_on_commit_callbacks(execute=True):
        store_media(operator_id=operator.id, data=draw(), content_type="image/png", actor=ACTOR)
    with django_capture_on_commit_callbacks(execute=True):
        store_media(operator_id=operator.id, data=draw(), content_type="image/png", actor=ACTOR)

    assert sent == [("catalog.look", (str(operator.id),))]
    assert sent[0][0] in current_app.tasks


def test_the_catalogue_hands_pictures_to_rankers_from_its_next_version_on(
    operator: Operator, creative: Creative, house: Creative, media: Media
) -> None:
    former = snapshot(operator.id, versions(operator_id=operator.id))
    assert former.candidates.pictures is None

    look(operator)

    found = snapshot(operator.id, versions(operator_id=operator.id)).candidates
    assert found.vision == "descriptor-1-64"
    assert found.pictures is not None
    np.testing.assert_array_equal(found.pictures[found.keys.index(creative.public_id)], vector(media))


@pytest.fixture
def house(operator: Operator) -> Creative:
    """A creative whose picture is still being made."""
    return add_creative(operator_id=operator.id, title="Soon", category="food", duration_ms=8_000, actor=ACTOR)


def test_a_creative_without_a_picture_has_zeros(operator: Operator, creative: Creative, house: Creative) -> None:
    look(operator)

    found = build(0, list(creatives(operator_id=operator.id))).candidates

    assert found.pictures is not None
    assert not found.pictures[found.keys.index(house.public_id)].any()
    assert found.pictures[found.keys.index(creative.public_id)].any()


def test_pictures_cost_the_catalogue_no_query_more(
    operator: Operator, creative: Creative, django_assert_num_queries: Any
) -> None:
    look(operator)
    now = versions(operator_id=operator.id)

    with django_assert_num_queries(1):
        assert snapshot(operator.id, now).candidates.pictures is not None


def test_what_cannot_be_decoded_looks_like_nothing_and_is_not_tried_again(operator: Operator, media: Media) -> None:
    media_path(media.sha256).write_bytes(b"no picture any more")

    look(operator)

    assert vector(media).tolist() == []
    assert media.vision == "descriptor-1-64"
    assert of_operator(operator_id=operator.id) is None


def test_a_file_that_is_missing_is_described_once_it_is_back(operator: Operator, media: Media, draw: Draw) -> None:
    media_path(media.sha256).unlink()
    look(operator)
    media.refresh_from_db()
    assert (media.vision, media.look) == ("", None)

    store_media(operator_id=operator.id, data=draw(), content_type="image/png", actor=ACTOR)
    look(operator)

    assert len(vector(media)) == 64


def test_many_pictures_take_several_short_calls(
    operator: Operator, store: Callable[[str], Media], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "AT_ONCE", 2)
    kept = [store(colour) for colour in ("red", "green", "blue")]
    media_path(kept[0].sha256).unlink()

    after = look_at_media(operator_id=operator.id)

    assert after == kept[1].id
    assert Media.objects.exclude(vision="").count() == 1
    assert look_at_media(operator_id=operator.id, after=after) is None
    assert Media.objects.exclude(vision="").count() == 2


def test_the_sweep_describes_what_waits_at_every_operator(
    operator: Operator, other_operator: Operator, media: Media, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    with operator_scope(other_operator.id):
        theirs = store_media(
            operator_id=other_operator.id, data=draw(colour="blue"), content_type="image/png", actor=ACTOR
        )
    monkeypatch.setattr(tasks, "operator_ids", lambda: ["nobody's id, which is none", operator.id, other_operator.id])

    tasks.sweep()

    assert len(vector(media)) == 64
    with operator_scope(other_operator.id):
        assert len(vector(theirs)) == 64


def test_an_operators_own_network_describes_everything_anew(
    operator: Operator, creative: Creative, media: Media, settings: Settings, tmp_path: Path
) -> None:
    look(operator)
    digest = network(tmp_path / "vision.onnx")
    settings.PICTURE_NETWORK, settings.PICTURE_NETWORK_SHA256 = str(tmp_path / "vision.onnx"), digest
    assert of_operator(operator_id=operator.id) is None

    look(operator)

    found = of_operator(operator_id=operator.id)
    assert found is not None
    assert (found.vision, found.width, media_of(creative).vision) == (digest, 3, digest)


def media_of(creative: Creative) -> Media:
    return Media.objects.get(id=creative.media_id)


@pytest.mark.parametrize("outputs", [6_000, 0])
def test_a_network_that_cannot_be_used_changes_nothing(
    operator: Operator, media: Media, settings: Settings, tmp_path: Path, outputs: int
) -> None:
    path = tmp_path / "vision.onnx"
    digest = network(path, outputs or 3)
    settings.PICTURE_NETWORK, settings.PICTURE_NETWORK_SHA256 = str(path), digest if outputs else "0" * 64

    with pytest.raises(VisionTooWide if outputs else VisionRefused):
        look_at_media(operator_id=operator.id)

    media.refresh_from_db()
    assert (media.vision, media.look) == ("", None)


def test_a_new_picture_is_not_what_the_creative_looked_like_before(
    operator: Operator, creative: Creative, store: Callable[[str], Media]
) -> None:
    look(operator)
    assert of_operator(operator_id=operator.id).since == {}  # type: ignore[union-attr]
    before = datetime.now(UTC).timestamp() * 1e6

    attach_media(operator_id=operator.id, creative_id=creative.id, media_id=store("blue").id, actor=ACTOR)
    look(operator)

    found = looks_of(creatives(operator_id=operator.id))
    assert found is not None
    assert before <= found.since[creative.public_id] <= datetime.now(UTC).timestamp() * 1e6


@pytest.mark.parametrize(
    "changes",
    [{"vision": "x"}, {"look": b"\0" * 4}, {"vision": "x", "look": b"\0" * 3}, {"vision": "x", "look": b"\0" * 16_388}],
)
def test_the_database_keeps_no_half_look(media: Media, changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Media.objects.filter(id=media.id).update(**changes)


def test_another_operators_looks_are_out_of_reach(
    operator: Operator, other_operator: Operator, creative: Creative
) -> None:
    look(operator)

    with operator_scope(other_operator.id):
        assert of_operator(operator_id=operator.id) is None
        assert looks.of_operator(operator_id=other_operator.id) is None
