"""Rotation of an operator's key: nobody enrols again, readers see one step, and a crash leaves one contract whole."""

import threading
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone

import subjects.services
from accounts.models import Operator
from accounts.services import create_operator
from audit.models import Entry
from core import epochs
from core.tenancy import operator_scope
from identities import faces, keys, selectors, services
from identities.errors import ProtectionKeyLost, RotationRefused
from identities.index import Index
from identities.models import Contract, Template
from identities.pgvector_engine import PgvectorEngine
from identities.services import rotation

PEOPLE = 8


class Crash(Exception):
    """The process dies here."""


committed = pytest.mark.django_db(transaction=True)
"""For tests in which commits and roll-backs must be real; elsewhere savepoints stand in for them, which is faster."""


@pytest.fixture
def owner(db: None, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """An operator outside of any scope, whose templates are carried over three at a time."""
    monkeypatch.setattr(rotation, "BATCH", 3)
    if connection.in_atomic_block:
        monkeypatch.setattr(rotation.transaction, "on_commit", lambda call: call())
    return create_operator(name="Rotating", slug="rotating")


@pytest.fixture
def people(owner: Operator, unit_vectors: Any) -> dict[UUID, Any]:
    """People with templates: the subjects' ids and their unprotected embeddings."""
    vectors = unit_vectors(PEOPLE)
    with operator_scope(owner.id):
        notice = subjects.services.publish_notice(operator_id=owner.id, title="t", text="t")
        return {enrolled(owner, notice, vector): vector for vector in vectors}


def enrolled(owner: Operator, notice: Any, vector: Any, **terms: Any) -> UUID:
    subject = subjects.services.register(
        operator_id=owner.id, origin="simulated", notice=notice, purposes=["recognise"], channel="api", actor="a",
        method="m", at=timezone.now(), **terms,
    ).subject  # fmt: skip
    space = faces.read(owner.id).active
    Template.objects.create(
        operator_id=owner.id, subject=subject, contract=space.id, embedding=space.protection.apply(vector),
        quality={"score": 0.9},
    )  # fmt: skip
    epochs.bump(operator_id=owner.id, topic=epochs.Topic.GALLERY)
    return subject.id


def known(owner: Operator, people: dict[UUID, Any], index: Index | None = None) -> list[UUID | None]:
    """Search everybody as a request would, in memory and in the database, which must agree."""
    with operator_scope(owner.id):
        versions = epochs.versions(operator_id=owner.id)
        space = faces.spaces(owner.id, versions).active
        probes = space.protection.apply(np.stack(list(people.values())))
        asked: dict[str, Any] = {"k": 1, "threshold": 0.9, "at": timezone.now(), "venue": ""}
        memory = (index or Index()).gallery(owner.id, versions).nearest(probes, **asked)
        database = PgvectorEngine(owner.id, space.id).nearest(probes, **asked)
    assert [[m.subject for m in row] for row in memory] == [[m.subject for m in row] for row in database]
    return [UUID(row[0].subject) if row else None for row in memory]


def stored(owner: Operator) -> dict[str, int]:
    with operator_scope(owner.id):
        rows = Template.objects.filter(operator_id=owner.id).values_list("contract", flat=True)
        return {contract: list(rows).count(contract) for contract in rows}


def states(owner: Operator) -> list[str]:
    with operator_scope(owner.id):
        return [row.state for row in selectors.contracts(operator_id=owner.id)]


def test_everybody_is_known_under_the_new_key_and_the_old_one_is_gone(owner: Operator, people: dict[UUID, Any]) -> None:
    with operator_scope(owner.id):
        before = faces.read(owner.id).active
    old_file = keys.store().path_of(owner.id)
    assert old_file.exists()

    [rotated] = services.rotate(operator_id=owner.id, actor="test")

    assert (rotated.before, rotated.templates) == (before.id, PEOPLE)
    assert known(owner, people) == list(people)
    assert stored(owner) == {rotated.after: PEOPLE}
    assert not old_file.exists()
    assert keys.store().key_ids(owner.id) == [faces.current(owner.id).active.protection.key_id]
    with pytest.raises(ProtectionKeyLost):
        keys.store().open(owner.id, before.protection.key_id)


def test_templates_keep_their_person_their_day_and_their_figures(owner: Operator, people: dict[UUID, Any]) -> None:
    def about() -> list[Any]:
        with operator_scope(owner.id):
            return sorted(Template.objects.values_list("subject_id", "created_at", "quality__score", "occasion"))

    before = about()

    services.rotate(operator_id=owner.id, actor="test")

    assert about() == before


def test_a_rotation_is_in_the_audit_log_without_any_key(owner: Operator, people: dict[UUID, Any]) -> None:
    [rotated] = services.rotate(operator_id=owner.id, actor="test")

    with operator_scope(owner.id):
        entry = Entry.objects.get(action="template_key.rotated")
    assert entry.detail == {"before": rotated.before, "after": rotated.after, "templates": PEOPLE}


def test_keys_can_be_rotated_again_and_again(owner: Operator, people: dict[UUID, Any]) -> None:
    for _ in range(3):
        services.rotate(operator_id=owner.id, actor="test")

    assert known(owner, people) == list(people)
    assert states(owner) == ["retired", "retired", "retired", "active"]
    assert len(keys.store().key_ids(owner.id)) == 1


def test_the_galleries_of_every_process_follow(owner: Operator, people: dict[UUID, Any]) -> None:
    process = Index()
    assert known(owner, people, process) == list(people)

    services.rotate(operator_id=owner.id, actor="test")

    assert known(owner, people, process) == list(people)
    with operator_scope(owner.id):
        held = process.held(owner.id, epochs.versions(operator_id=owner.id))
        assert held == {str(template.id) for template in Template.objects.all()}


STEPS = {
    "before the key is kept": ("identities.keys.FileKeyStore.add", 1),
    "after the key is kept, before the contract is recorded": ("identities.services.rotation.row_of", 2),
    "before anything is carried over": ("identities.services.rotation._carried", 1),
    "between two batches": ("identities.services.rotation._carried", 3),
    "before the switch": ("identities.services.rotation._switch", 1),
    "within the switch": ("identities.services.rotation.bump", 1),
    "at the end of the switch": ("identities.services.rotation.record", 1),
    "before the old templates are deleted": ("identities.services.rotation._deleted", 1),
    "between two deletions": ("identities.services.rotation._deleted", 2),
    "before the old key is destroyed": ("identities.keys.FileKeyStore.destroy", 1),
}


def crash_at(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Let the process die at the n-th call of what a step is named after."""
    name, count = STEPS[step]
    module, _, attribute = name.rpartition(".")
    owner: Any = keys.FileKeyStore if module.endswith("FileKeyStore") else rotation
    genuine = getattr(owner, attribute)
    calls = []

    def dies(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == count:
            raise Crash(step)
        return genuine(*args, **options)

    monkeypatch.setattr(owner, attribute, dies)


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_leaves_everybody_known_and_is_resumed(
    owner: Operator, people: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with operator_scope(owner.id):
        faces.read(owner.id)
    with monkeypatch.context() as patched:
        crash_at(patched, step)
        with pytest.raises(Crash):
            services.rotate(operator_id=owner.id, actor="test")

    assert known(owner, people) == list(people)

    services.rotate(operator_id=owner.id, actor="test")

    assert known(owner, people) == list(people)
    assert set(states(owner)) == {"active", "retired"}
    assert list(stored(owner).values()) == [PEOPLE]
    assert len(keys.store().key_ids(owner.id)) == 1
    with operator_scope(owner.id):
        assert not Contract.objects.filter(state="retired", key_destroyed_at=None).exists()


@committed
@pytest.mark.parametrize("step", ["before the old key is destroyed", "between two deletions"])
def test_the_sweep_finishes_what_a_crash_left(
    owner: Operator, people: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patched:
        crash_at(patched, step)
        with pytest.raises(Crash):
            services.rotate(operator_id=owner.id, actor="test")

    from identities.tasks import sweep

    sweep()

    assert known(owner, people) == list(people)
    assert list(stored(owner).values()) == [PEOPLE]
    assert len(keys.store().key_ids(owner.id)) == 1


def test_whoever_enrols_or_withdraws_meanwhile_is_treated_rightly(
    owner: Operator, people: dict[UUID, Any], unit_vectors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last batch and the switch one person comes and one goes."""
    genuine, [late] = rotation._switch, unit_vectors(1, seed=99)
    gone = next(iter(people))

    def interrupted(*args: Any) -> Any:
        with operator_scope(owner.id):
            notice = subjects.services.publish_notice(operator_id=owner.id, title="t", text="t")
            people[enrolled(owner, notice, late)] = late
            subjects.services.withdraw_all(
                operator_id=owner.id, subject_id=gone, channel="c", actor="a", at=timezone.now()
            )  # fmt: skip
        return genuine(*args)

    monkeypatch.setattr(rotation, "_switch", interrupted)

    [rotated] = services.rotate(operator_id=owner.id, actor="test")

    assert known(owner, people) == [None, *list(people)[1:]]
    assert stored(owner) == {rotated.after: PEOPLE}


def test_expired_consents_are_not_carried_over(owner: Operator, people: dict[UUID, Any]) -> None:
    over = next(iter(people))
    with operator_scope(owner.id), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE subjects_consent SET given_at = now() - interval '2 days', expires_at = now() - interval '1 day'"
            " WHERE subject_id = %s",
            [over],
        )

    [rotated] = services.rotate(operator_id=owner.id, actor="test")

    assert stored(owner) == {rotated.after: PEOPLE - 1}


def test_nobody_is_shown_twice_while_templates_are_carried_over(
    owner: Operator, people: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        crash_at(patched, "before the switch")
        with pytest.raises(Crash):
            services.rotate(operator_id=owner.id, actor="test")

    assert sum(stored(owner).values()) == 2 * PEOPLE
    with operator_scope(owner.id):
        for subject_id in people:
            assert len(selectors.templates_of(operator_id=owner.id, subject_id=subject_id)) == 1
        services.forget(operator_id=owner.id, subject_id=next(iter(people)))
    assert sum(stored(owner).values()) == 2 * PEOPLE - 2


@committed
def test_two_rotations_at_once_end_with_one_key(owner: Operator, people: dict[UUID, Any]) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            services.rotate(operator_id=owner.id, actor="test")
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert known(owner, people) == list(people)
    assert len(keys.store().key_ids(owner.id)) == states(owner).count("active") == 1


@committed
def test_a_key_is_not_destroyed_by_a_transaction_that_fails(owner: Operator, people: dict[UUID, Any]) -> None:
    def fails() -> None:
        with operator_scope(owner.id):
            services.rotate(operator_id=owner.id, actor="test")
            raise Crash

    with pytest.raises(Crash):
        fails()

    assert known(owner, people) == list(people)


def test_a_lost_key_cannot_be_rotated(owner: Operator, people: dict[UUID, Any]) -> None:
    with operator_scope(owner.id):
        rotation.put_on_record(owner.id, faces.read(owner.id))
    keys.store().path_of(owner.id).unlink()
    before = stored(owner)

    with pytest.raises(ProtectionKeyLost):
        services.rotate(operator_id=owner.id, actor="test")

    assert (stored(owner), states(owner)) == (before, ["active"])


class TestClosing:
    """An operator's end: the keys go, and every copy of a template is noise."""

    def test_templates_without_their_key_have_nothing_to_do_with_the_faces(
        self, owner: Operator, unit_vectors: Any
    ) -> None:
        vectors = unit_vectors(500)
        with operator_scope(owner.id):
            backup = faces.protection(owner.id).apply(vectors)

        services.destroy_keys(operator_id=owner.id, actor="test")

        cosines = (backup * vectors).sum(axis=1)
        # Their mean varies with the trace of the rotation (variance 1), then with who the 500 are.
        assert abs(float(cosines.mean())) < 5 * (128**-2 + (128 * 500) ** -1) ** 0.5
        assert float(np.abs(cosines).max()) < 5 * 128**-0.5
        assert float(np.abs(backup @ vectors.T).max()) < 6 * 128**-0.5

    def test_nobody_is_known_or_enrolled_afterwards(
        self, owner: Operator, people: dict[UUID, Any], frame_of: Any
    ) -> None:
        assert services.destroy_keys(operator_id=owner.id, actor="test") == PEOPLE

        assert stored(owner) == {}
        assert not keys.store().key_ids(owner.id)
        with operator_scope(owner.id):
            notice = subjects.services.publish_notice(operator_id=owner.id, title="t", text="t")
            shown: dict[str, Any] = {"screen_id": owner.id, "venue_id": owner.id, "at": timezone.now()}
            with pytest.raises(ProtectionKeyLost):
                services.recognise(operator_id=owner.id, shown=services.Frame(frame_of("obama")), **shown)
            with pytest.raises(ProtectionKeyLost):
                services.enrol(
                    operator_id=owner.id, frame=frame_of("obama"), content_type=None, notice=notice,
                    purposes=["recognise"], channel="kiosk", actor="a", at=timezone.now(),
                    proof=services.Demonstrated(),
                )  # fmt: skip
            entry = Entry.objects.get(action="template_keys.destroyed")
        assert entry.detail["templates"] == PEOPLE
        assert not keys.store().key_ids(owner.id)

    def test_templates_whose_key_file_is_gone_recognise_nobody(self, owner: Operator, people: dict[UUID, Any]) -> None:
        with operator_scope(owner.id):
            faces.read(owner.id)
        keys.store().destroy_all(owner.id)

        with pytest.raises(ProtectionKeyLost):
            known(owner, people)

    def test_closing_is_final_and_can_be_repeated(self, owner: Operator, people: dict[UUID, Any]) -> None:
        services.destroy_keys(operator_id=owner.id, actor="test")

        assert services.destroy_keys(operator_id=owner.id, actor="test") == 0
        with pytest.raises(RotationRefused):
            services.rotate(operator_id=owner.id, actor="test")

    @committed
    def test_a_crash_before_the_keys_go_is_finished_by_the_sweep(
        self, owner: Operator, people: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def dies(*args: Any) -> None:
            raise Crash

        with monkeypatch.context() as patched:
            patched.setattr(keys.FileKeyStore, "destroy_all", dies)
            with pytest.raises(Crash):
                services.destroy_keys(operator_id=owner.id, actor="test")
        assert keys.store().key_ids(owner.id)

        services.sweep(operator_id=owner.id, at=timezone.now())

        assert not keys.store().key_ids(owner.id)

    def test_another_operators_keys_stay(self, owner: Operator, people: dict[UUID, Any]) -> None:
        rival = create_operator(name="Rival", slug="rival")
        with operator_scope(rival.id):
            kept = faces.protection(rival.id).key_id

        services.destroy_keys(operator_id=owner.id, actor="test")

        assert keys.store().key_ids(rival.id) == [kept]


class TestCommands:
    """The same from the command line."""

    def test_rotating(self, owner: Operator, people: dict[UUID, Any], capsys: pytest.CaptureFixture[str]) -> None:
        call_command("rotate_template_key", "rotating")

        assert f": {PEOPLE} templates" in capsys.readouterr().out
        assert known(owner, people) == list(people)

    def test_destroying_asks_for_the_slug(
        self, owner: Operator, people: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("builtins.input", lambda prompt: "something else")
        with pytest.raises(CommandError, match="Nothing was changed"):
            call_command("destroy_template_key", "rotating")
        assert known(owner, people) == list(people)

        call_command("destroy_template_key", "rotating", "--confirm", "rotating")

        assert stored(owner) == {}

    @pytest.mark.parametrize("command", ["rotate_template_key", "destroy_template_key"])
    def test_an_unknown_operator_is_refused(self, db: None, command: str) -> None:
        with pytest.raises(CommandError, match="no operator"):
            call_command(command, "nobody")

    def test_a_closed_operator_has_nothing_to_rotate(self, owner: Operator, people: dict[UUID, Any]) -> None:
        services.destroy_keys(operator_id=owner.id, actor="test")

        with pytest.raises(CommandError, match="destroyed"):
            call_command("rotate_template_key", "rotating")
