"""What the periodic look at models does: end what harms, promote what may be, raise and resolve alerts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import registry.files
import registry.selectors
import registry.services
from accounts.models import Operator
from audit.selectors import latest
from core.ids import new_id
from core.tenancy import operator_scope
from events.selectors.outcomes import Outcome
from recsys.serving.ranker import Ranker
from registry import observations
from registry.files import path_of
from registry.models import ModelVersion, Observation, Trial
from training import alerting, tasks
from training.drift.findings import Finding
from training.drift.reference import Row, reference
from training.models import Alert
from training.watching import canaries, champions, shadows, trials
from training.watching.guards import Compared, Counted
from training.watching.sequential import Rate

WHO = "member:one"
FINE = Counted(1_000, 0, 1_000, 0, (2.0,) * 200, Rate(1_000, 200), 200.0, 160.0)


@pytest.fixture
def champion(operator: Operator, trained_file: Path) -> ModelVersion:
    version = register(operator, trained_file)
    return registry.services.activate(operator_id=operator.id, version_id=version.id, actor=WHO)


@pytest.fixture
def challenger(operator: Operator, champion: ModelVersion, other_trained_file: Path) -> ModelVersion:
    return register(operator, other_trained_file)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say what the canary did."""

    def say(**changes: Any) -> None:
        found = Compared(replace(FINE, **changes), FINE)
        monkeypatch.setattr(canaries, "compared", lambda **_: found)

    say()
    return say


def register(operator: Operator, source: Path, **more: Any) -> ModelVersion:
    return registry.services.register(
        operator_id=operator.id, source=source, seed=1, code_version="test", actor=WHO, **more
    )


def stage(version: ModelVersion) -> str:
    return ModelVersion.objects.get(id=version.id).stage


def look(operator: Operator, after: timedelta = timedelta()) -> dict[str, int]:
    started = Trial.objects.latest("started_at").started_at
    return trials.watch(operator_id=operator.id, at=started + after)


def test_a_canary_that_does_harm_is_rolled_back_with_its_reason(
    operator: Operator, champion: ModelVersion, challenger: ModelVersion, compared: Callable[..., None]
) -> None:
    registry.services.start_canary(operator_id=operator.id, version_id=challenger.id, actor=WHO)
    compared(failed=200, degraded=200)

    counts = look(operator)

    assert counts == {"watched": 1, "rolled_back": 1, "promoted": 0}
    assert (stage(challenger), stage(champion)) == ("retired", "champion")
    trial = Trial.objects.get()
    assert trial.outcome == "rolled_back"
    assert trial.reason.startswith("It failed in 200 of 1000 decisions; 1.0% is allowed.")
    assert [guard["name"] for guard in trial.figures["guards"] if not guard["passes"]] == ["errors", "degraded"]
    entry = latest(operator_id=operator.id, limit=1)[0]
    assert (entry.action, entry.actor, entry.detail["reason"]) == (
        "model.canary_rolled_back", "system:watch", trial.reason,
    )  # fmt: skip
    assert trials.watch(operator_id=operator.id, at=trial.started_at)["watched"] == 0


def test_by_default_a_canary_that_passed_waits_for_somebody(
    operator: Operator, challenger: ModelVersion, compared: Callable[..., None]
) -> None:
    registry.services.start_canary(operator_id=operator.id, version_id=challenger.id, actor=WHO)

    look(operator, timedelta(hours=23))
    early = Trial.objects.get()
    look(operator, timedelta(hours=24))
    late = Trial.objects.get()

    assert (early.ready_at, early.figures["decisions"]) == (None, 1_000)
    assert late.ready_at == late.started_at + timedelta(hours=24)
    assert stage(challenger) == "canary"


def test_a_canary_with_few_decisions_is_not_ready_however_long_it_lasts(
    operator: Operator, challenger: ModelVersion, compared: Callable[..., None]
) -> None:
    registry.services.start_canary(operator_id=operator.id, version_id=challenger.id, actor=WHO)
    compared(decisions=499)

    look(operator, timedelta(days=30))

    assert Trial.objects.get().ready_at is None


def test_where_the_operator_says_so_it_goes_from_shadow_to_canary_to_champion_by_itself(
    operator: Operator, champion: ModelVersion, challenger: ModelVersion, compared: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    registry.services.set_policy(operator_id=operator.id, changes={"automatic": True, "route": "shadow"}, actor=WHO)
    report = shadows.Report(600, 0.9, 0.8, 0, None, None, ())
    monkeypatch.setattr(shadows, "report", lambda **_: report)
    registry.services.start_shadow(operator_id=operator.id, version_id=challenger.id, actor=WHO)
    seen = []

    for _ in range(2):
        look(operator, timedelta(hours=24))
        seen.append(stage(challenger))

    assert seen == ["canary", "champion"]
    assert stage(champion) == "retired"
    assert list(Trial.objects.order_by("started_at").values_list("outcome", flat=True)) == ["promoted", "promoted"]


def test_a_canary_whose_file_is_gone_by_then_stays_where_it_is(
    operator: Operator, champion: ModelVersion, challenger: ModelVersion, compared: Callable[..., None]
) -> None:
    registry.services.set_policy(operator_id=operator.id, changes={"automatic": True}, actor=WHO)
    registry.services.start_canary(operator_id=operator.id, version_id=challenger.id, actor=WHO)
    path_of(challenger.file_digest).unlink()

    counts = look(operator, timedelta(days=2))

    assert counts == {"watched": 1, "rolled_back": 0, "promoted": 0}
    assert (stage(challenger), stage(champion)) == ("canary", "champion")


def played(number: int, model: str, *, score: float = 0.2, **changes: Any) -> Outcome:
    made = Outcome(
        decision_id=new_id(), position=0, screen_id=new_id(), at=datetime(2026, 11, 22, tzinfo=UTC), model=model,
        score=score, known=number % 4 == 0, creative=f"crv_{number % 20}", category="movies", advertiser=None,
        context={"screen": "s", "venue": "v", "venue_category": "c", "scene": "x", "hour": 9 + number % 8,
                 "weekday": number % 7, "party": 1},
        label=number % 5 == 0,
    )  # fmt: skip
    return made._replace(**changes)


def test_a_canary_is_measured_from_the_log_and_from_what_was_observed(
    operator: Operator, champion: ModelVersion, challenger: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    own, theirs = challenger.file_digest, champion.file_digest
    log = [played(n, own, score=0.3) for n in range(10)] + [played(n, theirs) for n in range(20)]
    monkeypatch.setattr(canaries, "outcomes", lambda *, models=None, **_: log if models else log[:12])
    Observation.objects.create(
        operator_id=operator.id, decision_id=new_id(), stage="canary", model=own, at=at, took_us=4_000
    )
    Observation.objects.create(
        operator_id=operator.id, decision_id=new_id(), stage="canary", model=own, at=at, took_us=0, failed=True
    )

    found = canaries.compared(
        operator_id=operator.id, version_id=challenger.id, canary=own, champion=theirs, share=1.0,
        since=at - timedelta(hours=1), at=at,
    )  # fmt: skip

    assert (found.canary.played, found.champion.played) == (Rate(10, 2), Rate(20, 4))
    assert (found.canary.watched, found.canary.failed, found.canary.took_ms) == (2, 1, (4.0,))
    assert found.canary.forecast == pytest.approx(3.0)
    assert found.before == (Rate(12, 3), Rate(0, 0))  # every screen takes part


def test_a_shadow_is_measured_by_what_it_said_about_the_champions_plays(
    operator: Operator, champion: ModelVersion, challenger: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    log = [played(n, champion.file_digest) for n in range(200)]
    monkeypatch.setattr(shadows, "outcomes", lambda **_: log)
    Observation.objects.bulk_create(
        Observation(
            operator_id=operator.id, decision_id=one.decision_id, stage="shadow", model=challenger.file_digest, at=at,
            took_us=900, scores=[0.9 if one.label else 0.1], agreement=0.5, same_first=number % 2 == 0,
        )
        for number, one in enumerate(log)
    )  # fmt: skip

    found = shadows.report(
        operator_id=operator.id, shadow=challenger.file_digest, champion=champion.file_digest,
        since=at - timedelta(hours=1), at=at, policy=registry.selectors.policy(operator_id=operator.id),
    )  # fmt: skip

    assert (found.decisions, found.plays, found.agreement, found.same_first) == (200, 200, 0.5, 0.5)
    assert found.shadow is not None
    assert found.champion is not None
    assert (found.shadow.auc, found.champion.auc) == (1.0, 0.5)
    assert found.shadow.log_loss < found.champion.log_loss
    assert [(check.name, check.passes, check.judged) for check in found.checks] == [
        ("errors", True, True), ("latency", True, False), ("forecasts", True, True),
    ]  # fmt: skip
    assert found.document()["guards"][2]["measured"] < 0


def test_a_worse_shadow_is_not_ready(
    operator: Operator, champion: ModelVersion, challenger: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = [played(n, champion.file_digest) for n in range(600)]
    monkeypatch.setattr(shadows, "outcomes", lambda **_: log)
    said = [observations.Shadowed(one.decision_id, (0.7,), None, None) for one in log]
    monkeypatch.setattr(observations, "shadowed", lambda **_: said)
    monkeypatch.setattr(observations, "observed", lambda **_: observations.Observed(600, 0, (1.0,) * 100))
    registry.services.start_shadow(operator_id=operator.id, version_id=challenger.id, actor=WHO)

    look(operator, timedelta(days=3))

    trial = Trial.objects.get()
    assert trial.ready_at is None
    assert [guard["name"] for guard in trial.figures["guards"] if not guard["passes"]] == ["forecasts"]
    assert stage(challenger) == "shadow"


FINDING = Finding("feature", "scene", "moderate", 0.2, 0.1, "scene is distributed otherwise.")
AT = datetime(2026, 11, 22, 3, tzinfo=UTC)


def settle(operator: Operator, *findings: Finding, hours: int = 0) -> dict[str, int]:
    return alerting.settle(
        operator_id=operator.id, version_id=new_id(), findings=findings, at=AT + timedelta(hours=hours)
    )


def test_an_alert_is_raised_once_renewed_and_resolved_when_it_is_gone(operator: Operator) -> None:
    worse = replace(FINDING, severity="major", value=0.4)

    counts = [settle(operator, FINDING), settle(operator, worse, hours=1), settle(operator, hours=2)]

    assert [(one["raised"], one["open"], one["resolved"]) for one in counts] == [(1, 1, 0), (0, 1, 0), (0, 0, 1)]
    alert = Alert.objects.get()
    assert (alert.severity, alert.value) == ("major", 0.4)
    assert [at - AT for at in (alert.raised_at, alert.seen_at, alert.resolved_at or AT)] == [
        timedelta(), timedelta(hours=1), timedelta(hours=2),
    ]  # fmt: skip
    assert [entry.action for entry in latest(operator_id=operator.id, limit=9)] == ["alert.resolved", "alert.raised"]
    settle(operator, FINDING, hours=3)
    assert Alert.objects.count() == 2


def test_drift_of_the_champion_is_told_and_another_operators_is_not_touched(
    operator: Operator, other_operator: Operator, trained_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with operator_scope(other_operator.id):
        settle(other_operator, FINDING)
    rows = [champions.row_of(played(n, "m")) for n in range(800)]
    kept = reference(rows, Ranker.load(trained_file, registry.files.digest_of(trained_file)))
    lineage = registry.services.Lineage(reference=kept)
    version = register(operator, trained_file, lineage=lineage)
    registry.services.activate(operator_id=operator.id, version_id=version.id, actor=WHO)
    model = version.file_digest
    log = [played(n, model) for n in range(800)]
    monkeypatch.setattr(champions, "outcomes", lambda **_: log)

    calm = champions.watch(operator_id=operator.id, at=AT)
    log = [played(n, model, score=0.6)._replace(context={**played(n, model).context, "scene": ""}) for n in range(800)]
    drifted = champions.watch(operator_id=operator.id, at=AT + timedelta(hours=1))
    log = log[:100]
    few = champions.watch(operator_id=operator.id, at=AT + timedelta(hours=2))

    assert calm == {"raised": 0, "open": 0, "resolved": 0}
    assert drifted["raised"] == 3
    assert few == {}
    with operator_scope(operator.id):
        assert {(alert.kind, alert.subject) for alert in Alert.objects.filter(operator_id=operator.id)} == {
            ("calibration", ""), ("feature", "scene"), ("missing", "scene"),
        }  # fmt: skip
    with operator_scope(other_operator.id):
        assert Alert.objects.filter(operator_id=other_operator.id, resolved_at=None).count() == 1


def test_without_a_reference_calibration_alone_is_judged(
    operator: Operator, champion: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = [played(n, champion.file_digest, score=0.6) for n in range(600)]
    monkeypatch.setattr(champions, "outcomes", lambda **_: log)

    assert champions.watch(operator_id=operator.id, at=AT)["raised"] == 1
    assert Alert.objects.get().kind == "calibration"


def test_rows_of_the_log_and_of_the_present_are_the_same_thing() -> None:
    row = champions.row_of(played(4, "m"))

    assert row == Row("crv_4", "movies", None, "s", "v", "c", "x", 13, 4, 0, 1, True)
    assert champions.row_of(played(4, "m", context={})).words()["scene"] == ""


@pytest.mark.django_db(transaction=True)
def test_the_tasks_look_at_every_operator_with_a_champion(
    tenant: Operator, trained_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, object]] = []
    monkeypatch.setattr(trials, "watch", lambda *, operator_id, at: seen.append(("trials", operator_id)))
    monkeypatch.setattr(champions, "watch", lambda *, operator_id, at: seen.append(("drift", operator_id)))
    tasks.watch()
    with operator_scope(tenant.id):
        version = register(tenant, trained_file)
        registry.services.activate(operator_id=tenant.id, version_id=version.id, actor=WHO)

    tasks.watch()
    tasks.drift()

    assert seen == [("trials", tenant.id), ("drift", tenant.id)]
