"""Moving to another recogniser: whoever is seen again moves along, with their consent and without a stored picture."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import onnx
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from onnx import helper, numpy_helper
from rest_framework.test import APIClient

import faceid.image
import privacy.services
import subjects.services
from accounts.models import Operator
from audit.models import Entry
from core import epochs
from core.epochs import Topic, bump
from faceid.manifest import FILE_NAME, Manifest, digest_of
from faceid.rules import Figures
from identities import faces, keys, selectors, services
from identities.errors import MigrationRefused, RecogniserMissing
from identities.models import Contract, Template
from identities.services import migration
from identities.services.migration import Sighting
from subjects.models import ConsentEntry

DIMENSION = 96


@pytest.fixture(scope="session")
def other_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second recogniser of another dimension: the first one with a projection behind it."""
    first, folder = Path(django_settings.FACE_MODELS), tmp_path_factory.mktemp("next")
    manifest = Manifest.load(first)
    copyfile(first / manifest.detector.model.file, folder / manifest.detector.model.file)
    network = onnx.load(first / manifest.recogniser.model.file)
    output = manifest.recogniser.output
    projection = np.random.default_rng(5).standard_normal((128, DIMENSION)).astype(np.float32)
    network.graph.initializer.append(numpy_helper.from_array(projection, "projection"))
    network.graph.node.append(helper.make_node("MatMul", [output, "projection"], ["projected"]))
    del network.graph.output[:]
    network.graph.output.append(helper.make_tensor_value_info("projected", onnx.TensorProto.FLOAT, [None, DIMENSION]))
    path = folder / "projected.onnx"
    onnx.save(network, path)
    model = replace(
        manifest.recogniser.model, file=path.name, sha256=digest_of(path), size=path.stat().st_size, name="projected"
    )
    recogniser = replace(manifest.recogniser, model=model, output="projected", dimension=DIMENSION)
    (folder / FILE_NAME).write_text(replace(manifest, recogniser=recogniser).to_json())
    return folder


@pytest.fixture(autouse=True)
def immediate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clean up at once: a test's transaction is never committed."""
    monkeypatch.setattr(transaction, "on_commit", lambda call, using=None, robust=False: call())


@pytest.fixture
def second(settings: Any, other_models: Path) -> Path:
    """Both recognisers are configured."""
    settings.FACE_MODELS_NEXT = str(other_models)
    return other_models


@pytest.fixture
def begun(operator: Operator, notice: Any, second: Path) -> Callable[..., str]:
    """Begin to move."""

    def call(due_at: datetime | None = None, notice_version: int = 1) -> str:
        return services.begin_migration(
            operator_id=operator.id, notice_version=notice_version, due_at=due_at, actor="test"
        )  # fmt: skip

    return call


@pytest.fixture
def seen(operator: Operator, screen: Any, frame_of: Any, at: datetime) -> Callable[..., list[str]]:
    """Look at a screen; return the states."""

    def call(*names: str) -> list[str]:
        viewers = services.recognise(
            operator_id=operator.id, screen_id=screen.id, venue_id=screen.venue_id,
            shown=services.Frame(frame_of(*names)), at=at,
        )  # fmt: skip
        return [str(viewer.state) for viewer in viewers]

    return call


def contracts_of(subject: Any) -> list[str]:
    return list(Template.objects.filter(subject=subject).order_by("id").values_list("contract", flat=True))


def test_who_is_seen_again_moves_along_with_their_consent(
    operator: Operator, enrolled: Any, begun: Any, seen: Any
) -> None:
    subject = enrolled("obama").subject
    [before] = contracts_of(subject)
    ledger = ConsentEntry.objects.count()
    following = begun()

    assert seen("obama_again") == ["recognised"]

    assert contracts_of(subject) == [before, following]
    renewed = Template.objects.get(contract=following)
    assert (renewed.occasion, len(renewed.embedding)) == ("renewal", DIMENSION)
    assert set(renewed.quality) == {"score", "eye_distance", "sharpness"}
    assert ConsentEntry.objects.count() == ledger
    entry = Entry.objects.get(action="template.renewed")
    assert (entry.target, entry.detail) == (
        subject.public_id, {"template": renewed.public_id, "contract": following},
    )  # fmt: skip


def test_who_is_seen_in_several_frames_moves_along_by_the_mean_of_their_looks(
    operator: Operator, screen: Any, enrolled: Any, begun: Any, frame_of: Any, at: datetime
) -> None:
    subject = enrolled("obama").subject
    [before] = contracts_of(subject)
    following = begun()
    moment = services.Moment(tuple(services.Frame(frame_of("obama_again")) for _ in range(3)), (0.0, 0.2, 0.4))
    shown: dict[str, Any] = {"operator_id": operator.id, "screen_id": screen.id, "venue_id": screen.venue_id, "at": at}

    [viewer] = services.recognise(**shown, shown=moment)

    assert viewer.state == "recognised"
    assert contracts_of(subject) == [before, following]
    Template.objects.filter(contract=before).delete()
    bump(operator_id=operator.id, topic=Topic.GALLERY)
    [again] = services.recognise(**shown, shown=moment)
    assert again.state == "recognised"  # by the renewed template alone


def test_the_renewal_is_made_once(operator: Operator, enrolled: Any, begun: Any, seen: Any) -> None:
    subject = enrolled("obama").subject
    begun()

    for _ in range(3):
        assert seen("obama_again") == ["recognised"]

    assert len(contracts_of(subject)) == 2


def test_the_person_sees_the_renewal_in_what_is_kept_of_them(
    operator: Operator, enrolled: Any, begun: Any, seen: Any
) -> None:
    registration = enrolled("obama")
    subject = registration.subject
    begun()
    seen("obama_again")

    page = Client().get(f"/receipt/{registration.receipt_token}").content.decode()
    assert "made anew for newer software" in page
    kept = privacy.services.export(operator_id=operator.id, subject_id=subject.id)

    assert [template["occasion"] for template in kept["templates"]] == ["enrolment", "renewal"]


def test_strangers_are_not_stored_while_an_operator_moves(
    operator: Operator, enrolled: Any, begun: Any, seen: Any
) -> None:
    enrolled("obama")
    begun()

    assert seen("biden") == ["anonymous"]

    assert Template.objects.count() == 1


def test_new_people_get_templates_under_both_contracts(
    operator: Operator, enrolled: Any, begun: Any, seen: Any
) -> None:
    following = begun()

    subject = enrolled("obama").subject

    assert contracts_of(subject) == [faces.contract(operator.id).id, following]
    assert seen("obama_again") == ["recognised"]


def test_finishing_leaves_the_new_recogniser_alone(operator: Operator, enrolled: Any, begun: Any, seen: Any) -> None:
    subject = enrolled("obama").subject
    old_key = faces.protection(operator.id).key_id
    following = begun()
    seen("obama_again")

    finished = services.finish_migration(operator_id=operator.id, actor="test", at=subject.created_at)

    assert (finished.moved, finished.left_behind) == (1, 0)
    assert contracts_of(subject) == [following]
    assert faces.contract(operator.id).id == following
    assert old_key not in keys.store().key_ids(operator.id)
    assert seen("obama") == ["recognised"]
    assert seen("biden") == ["anonymous"]


def test_a_move_waits_for_everybody_until_its_day(
    operator: Operator, enrolled: Any, begun: Any, seen: Any, at: datetime
) -> None:
    obama, biden = enrolled("obama").subject, enrolled("biden").subject
    begun(due_at=at + timedelta(days=30))
    seen("obama_again")
    move = selectors.move(operator_id=operator.id)
    assert move is not None
    assert (move.moved, move.waiting) == (1, 1)

    with pytest.raises(MigrationRefused, match="1 people"):
        services.finish_migration(operator_id=operator.id, actor="test", at=at)
    assert services.sweep(operator_id=operator.id, at=at + timedelta(days=29)) is None
    assert len(contracts_of(biden)) == 1

    ended = services.sweep(operator_id=operator.id, at=at + timedelta(days=30))

    assert ended is not None
    assert (ended.moved, ended.left_behind) == (1, 1)
    assert (len(contracts_of(obama)), contracts_of(biden)) == (1, [])
    assert seen("biden") == ["anonymous"]


def test_the_sweep_finishes_once_everybody_was_seen(operator: Operator, enrolled: Any, begun: Any, seen: Any) -> None:
    enrolled("obama")
    following = begun()
    assert services.sweep(operator_id=operator.id, at=timezone.now()) is None
    seen("obama_again")

    services.sweep(operator_id=operator.id, at=timezone.now())

    assert faces.contract(operator.id).id == following


def test_cancelling_costs_nobody_anything(operator: Operator, enrolled: Any, begun: Any, seen: Any) -> None:
    obama = enrolled("obama").subject
    [before] = contracts_of(obama)
    begun()
    biden = enrolled("biden").subject
    seen("obama_again")

    services.cancel_migration(operator_id=operator.id, actor="test")

    assert contracts_of(obama) == contracts_of(biden) == [before]
    assert len(keys.store().key_ids(operator.id)) == 1
    assert seen("biden") == seen("obama_again") == ["recognised"]
    assert list(Contract.objects.order_by("id").values_list("state", flat=True)) == ["active", "retired"]


def test_whoever_consented_under_an_older_notice_is_not_renewed(
    operator: Operator, enrolled: Any, begun: Any, seen: Any
) -> None:
    subject = enrolled("obama").subject
    begun(notice_version=2)

    assert seen("obama_again") == ["recognised"]
    assert len(contracts_of(subject)) == 1

    newer = subjects.services.publish_notice(operator_id=operator.id, title="t", text="Templates may be renewed.")
    subjects.services.give_consent(
        operator_id=operator.id, subject_id=subject.id, purposes=["recognise"], notice=newer, channel="kiosk",
        actor="a", method="m", at=timezone.now(),
    )  # fmt: skip

    assert seen("obama_again") == ["recognised"]
    assert len(contracts_of(subject)) == 2


def test_a_withdrawal_takes_both_templates(
    operator: Operator, enrolled: Any, begun: Any, seen: Any, at: datetime
) -> None:
    subject = enrolled("obama").subject
    begun()
    seen("obama_again")

    subjects.services.withdraw_all(operator_id=operator.id, subject_id=subject.id, channel="c", actor="a", at=at)

    assert contracts_of(subject) == []
    assert seen("obama") == ["anonymous"]


def test_a_key_is_rotated_in_both_spaces_at_once(operator: Operator, enrolled: Any, begun: Any, seen: Any) -> None:
    subject = enrolled("obama").subject
    begun()
    seen("obama_again")
    before = set(keys.store().key_ids(operator.id))

    rotated = services.rotate(operator_id=operator.id, actor="test")

    assert [one.templates for one in rotated] == [1, 1]
    assert set(contracts_of(subject)) == {one.after for one in rotated}
    assert not before & set(keys.store().key_ids(operator.id))
    assert seen("obama") == ["recognised"]
    services.finish_migration(operator_id=operator.id, actor="test", at=timezone.now())
    assert seen("obama") == ["recognised"]


FIGURES = Figures(
    score=0.99, visible=1.0, eye_distance=90.0, yaw=0.0, roll=0.0, brightness=128.0, black=0.0, white=0.0,
    sharpness=0.2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("score", "runner_up", "figures", "renewed"),
    [
        (0.566, 0.2, {}, True),
        (0.564, 0.2, {}, False),
        (0.70, 0.601, {}, False),
        (0.70, 0.599, {}, True),
        (0.70, 0.2, {"eye_distance": 25.0}, False),
        (0.70, 0.2, {"yaw": 40.0}, False),
    ],
)
def test_only_strong_evidence_renews_a_template(
    operator: Operator, enrolled: Any, begun: Any, screen: Any, at: datetime, score: float, runner_up: float,
    figures: dict[str, float], renewed: bool,
) -> None:  # fmt: skip
    subject = enrolled("obama").subject
    begun()
    sighting = Sighting(subject.id, score, runner_up, replace(FIGURES, **figures), np.eye(1, DIMENSION)[0])

    found = migration.renew(
        operator_id=operator.id, spaces=faces.read(operator.id), sightings=[sighting], venue_id=screen.venue_id, at=at
    )  # fmt: skip

    assert found == ([subject.id] if renewed else [])
    assert len(contracts_of(subject)) == 1 + renewed


def test_a_face_too_near_to_somebody_elses_new_template_renews_nothing(
    operator: Operator, enrolled: Any, begun: Any, screen: Any, at: datetime
) -> None:
    obama, biden = enrolled("obama").subject, enrolled("biden").subject
    begun()
    vector = np.eye(1, DIMENSION, dtype=np.float32)[0]
    spaces = faces.read(operator.id)
    shown: dict[str, Any] = {"operator_id": operator.id, "spaces": spaces, "venue_id": screen.venue_id, "at": at}

    first = migration.renew(sightings=[Sighting(obama.id, 0.9, 0.1, FIGURES, vector)], **shown)
    second = migration.renew(sightings=[Sighting(biden.id, 0.9, 0.1, FIGURES, vector)], **shown)

    assert (first, second) == ([obama.id], [])


def test_without_a_live_consent_the_database_refuses_the_renewal(
    operator: Operator, enrolled: Any, begun: Any, screen: Any, at: datetime
) -> None:
    subject = enrolled("obama").subject
    begun()
    subjects.services.withdraw_consent(
        operator_id=operator.id, subject_id=subject.id, purpose="recognise", channel="c", actor="a", at=at
    )

    found = migration.renew(
        operator_id=operator.id, spaces=faces.read(operator.id), venue_id=screen.venue_id, at=at,
        sightings=[Sighting(subject.id, 0.9, 0.1, FIGURES, np.eye(1, DIMENSION)[0])],
    )  # fmt: skip

    assert found == []
    assert contracts_of(subject) == []


def test_recognisers_that_contradict_each_other_name_nobody(
    operator: Operator, enrolled: Any, begun: Any, seen: Any
) -> None:
    obama, biden = enrolled("obama").subject, enrolled("biden").subject
    following = begun()
    seen("obama_again")
    seen("biden")
    wrong = {obama.id: biden.id, biden.id: obama.id}
    rows = list(Template.objects.filter(contract=following))
    for row in rows:
        Template.objects.filter(id=row.id).update(subject_id=wrong[row.subject_id])
    epochs.bump(operator_id=operator.id, topic=epochs.Topic.GALLERY)

    assert seen("obama_again") == ["anonymous"]


class TestRefusals:
    """A refusal changes nothing."""

    def test_there_is_no_other_recogniser(self, operator: Operator, notice: Any) -> None:
        with pytest.raises(MigrationRefused, match="VITRINE_FACE_MODELS_NEXT"):
            services.begin_migration(operator_id=operator.id, notice_version=1, due_at=None, actor="test")

    def test_a_second_move_at_once(self, begun: Any) -> None:
        begun()

        with pytest.raises(MigrationRefused, match="under way"):
            begun()
        assert Contract.objects.filter(state="next").count() == 1

    @pytest.mark.parametrize("end", [services.finish_migration, services.cancel_migration])
    def test_an_end_without_a_beginning(self, operator: Operator, end: Any, at: datetime) -> None:
        terms = {"at": at} if end is services.finish_migration else {}
        with pytest.raises(MigrationRefused, match="not moving"):
            end(operator_id=operator.id, actor="test", **terms)

    def test_a_recogniser_that_is_not_configured_any_more(
        self, operator: Operator, enrolled: Any, begun: Any, seen: Any, settings: Any
    ) -> None:
        enrolled("obama")
        begun()
        settings.FACE_MODELS_NEXT = ""
        epochs.bump(operator_id=operator.id, topic=epochs.Topic.GALLERY)

        with pytest.raises(RecogniserMissing) as refused:
            seen("obama")

        assert (refused.value.status, refused.value.code) == (503, "recogniser_missing")


class TestContracts:
    """Embeddings that a player made itself count under the contracts of the operator, and no other."""

    def ask(self, player: APIClient, contract: str, vectors: Any) -> Any:
        body = {"contract": contract, "embeddings": np.asarray(vectors).tolist()}
        return player.post("/v1/recognitions", body, format="json")

    def probe(self, space: faces.Space, frame: bytes) -> Any:
        image = faceid.image.decode(frame)
        [face] = space.pipeline.faces(image)
        return [space.protection.apply(face.embedding)]

    def test_either_contract_is_answered_while_an_operator_moves(
        self, operator: Operator, player: APIClient, enrolled: Any, begun: Any, seen: Any, frame_of: Any
    ) -> None:
        enrolled("obama")
        begun()
        seen("obama_again")

        for space in faces.read(operator.id):
            answer = self.ask(player, space.id, self.probe(space, frame_of("obama_again")))
            assert answer.status_code == 200, answer.content
            assert [viewer["state"] for viewer in answer.json()["viewers"]] == ["recognised"]

    def test_the_dimension_of_one_under_the_other_is_malformed(
        self, operator: Operator, player: APIClient, begun: Any
    ) -> None:
        begun()
        active, following = faces.read(operator.id)

        answer = self.ask(player, following.id, np.eye(1, 128))

        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
        assert f"{DIMENSION} numbers" in answer.json()["detail"]
        assert self.ask(player, active.id, np.eye(1, 128)).status_code == 200

    @pytest.mark.parametrize("whose", ["rotated", "finished", "another operator's", "unprotected"])
    def test_every_other_contract_is_a_conflict(
        self, operator: Operator, other_operator: Operator, player: APIClient, enrolled: Any, begun: Any, seen: Any,
        whose: str,
    ) -> None:  # fmt: skip
        enrolled("obama")
        contract = faces.contract(operator.id).id
        match whose:
            case "rotated":
                services.rotate(operator_id=operator.id, actor="test")
            case "finished":
                begun()
                seen("obama_again")
                services.finish_migration(operator_id=operator.id, actor="test", at=timezone.now())
            case "another operator's":
                contract = faces.contract(other_operator.id).id
            case "unprotected":
                contract = faces.pipeline().contract().id
        before = Template.objects.count()

        answer = self.ask(player, contract, np.eye(1, 128))

        assert (answer.status_code, answer.json()["code"]) == (409, "contract_mismatch")
        assert answer.json()["contracts"] == [faces.contract(operator.id).id]
        assert Template.objects.count() == before


class TestCommand:
    """The same from the command line."""

    def test_a_move_from_start_to_finish(
        self, operator: Operator, enrolled: Any, seen: Any, second: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        enrolled("obama")

        def run(*words: str) -> str:
            call_command("migrate_recogniser", operator.slug, *words)
            return capsys.readouterr().out

        assert "not moving" in run("status")
        with pytest.raises(CommandError, match="notice-version"):
            run("start")
        assert "Moving to emb_" in run("start", "--notice-version", "1", "--until", "2030-01-01")
        assert "0 people moved, 1 waiting, finishes 2030-01-01" in run("status")
        with pytest.raises(CommandError, match="not been seen"):
            run("finish")
        seen("obama_again")
        assert "1 people moved, 0 waiting" in run("status")
        assert "Finished: 1 people moved, 0 have to enrol again" in run("finish")
        with pytest.raises(CommandError, match="not moving"):
            run("cancel")
