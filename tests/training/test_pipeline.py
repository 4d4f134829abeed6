import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.utils import timezone

import registry.selectors
import registry.services
import subjects.selectors
from accounts.models import Operator
from audit.selectors import latest
from core.ids import new_id, public_id
from core.tenancy import operator_scope
from registry.models import ModelVersion
from training import heartbeat, pipeline, process, selectors, services
from training.models import Dataset, Run

Carry = Callable[[], Run]
Rows = list[dict[str, Any]]


def champion(operator: Operator) -> UUID | None:
    with operator_scope(operator.id):
        active = registry.selectors.active_version(operator_id=operator.id)
        return active.version_id if active else None


def versions(operator: Operator) -> list[ModelVersion]:
    with operator_scope(operator.id):
        return registry.selectors.versions(operator_id=operator.id)


def leftovers() -> list[Path]:
    exported = [path for path in Path(settings.DATASETS).rglob("*") if path.is_file()]
    return exported + list(Path(settings.RANKING_MODELS).glob(".*"))


@pytest.fixture
def crowned(tenant: Operator, log: object, trainer: Any, request_and_run: Carry) -> UUID:
    """A champion whose forecasts are right on average."""
    run = request_and_run()
    assert run.model_version_id is not None
    return run.model_version_id


def test_the_first_model_that_beats_the_base_rate_serves(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry
) -> None:
    run = request_and_run()

    assert (run.state, run.reason, run.reason_code) == ("succeeded", "", "")
    assert run.started_at is not None
    assert run.finished_at is not None
    [version] = versions(tenant)
    assert champion(tenant) == version.id == run.model_version_id
    assert version.stage == "champion"
    assert version.run_id == run.id
    assert version.seed == 2026
    assert version.code_version.startswith("0.1.0+")
    assert run.metrics["test"]["rows"] == 90
    assert run.metrics["test"]["auc"] == pytest.approx(0.8, abs=0.05)
    assert run.metrics["champion"] is None
    assert run.metrics["report"]["rows"] == {"train": 420}
    assert "beats the constant forecast" in version.verdict


def test_a_run_leaves_its_lineage_and_no_file(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry
) -> None:
    run = request_and_run()

    with operator_scope(tenant.id):
        dataset = Dataset.objects.get(run_id=run.id)
        [version] = registry.selectors.versions(operator_id=tenant.id)
    assert dataset.rows == 600
    assert len(dataset.sha256) == 64
    assert dataset.consent_snapshot["counts"]["learn"] == 0
    assert version.consent_snapshot == dataset.consent_snapshot
    assert leftovers() == []


def test_progress_of_the_training_process_is_stored(
    tenant: Operator,
    log: object,
    trainer: Any,
    request_and_run: Carry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "SHORTEST", 0.0)
    seen: list[dict[str, Any]] = []
    beat = services.beat

    def spy(**arguments: Any) -> bool:
        seen.append(arguments["progress"])
        return beat(**arguments)

    monkeypatch.setattr(services, "beat", spy)
    trainer.does("""
        tell("deepfm", 1, 2, "validation log loss 0.5")
        print("a library says hello", flush=True)
        time.sleep(0.5)
        sys.exit(1)
    """)

    run = request_and_run()

    told = {"stage": "deepfm", "done": 1, "of": 2, "message": "validation log loss 0.5"}
    assert told in seen
    assert run.progress == told


def test_a_model_no_better_than_the_base_rate_stays_a_candidate(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry
) -> None:
    trainer.hands_over(0.5, 0.5)

    run = request_and_run()

    [version] = versions(tenant)
    assert run.state == "succeeded"
    assert version.stage == "candidate"
    assert "does not beat the constant forecast" in version.verdict
    assert champion(tenant) is None


def test_a_challenger_worse_than_the_champion_stays_a_candidate(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    trainer.hands_over(0.7, 0.3)

    run = request_and_run()

    assert champion(tenant) == crowned
    newest = versions(tenant)[0]
    assert (newest.id, newest.stage) == (run.model_version_id, "candidate")
    assert "worse than the champion's" in newest.verdict
    assert run.metrics["champion"]["log_loss"] < run.metrics["test"]["log_loss"]


def test_a_challenger_as_good_as_the_champion_replaces_it(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    trainer.hands_over(0.79, 0.2)

    run = request_and_run()

    assert champion(tenant) == run.model_version_id != crowned
    assert [version.stage for version in versions(tenant)] == ["champion", "retired"]


def test_a_champion_whose_file_is_lost_does_not_stop_the_next_one(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    for path in Path(settings.RANKING_MODELS).glob("*.onnx"):
        path.unlink()
    trainer.hands_over(0.75, 0.2)

    run = request_and_run()

    assert champion(tenant) == run.model_version_id


def test_a_champion_that_learnt_from_somebody_erased_gives_way_to_a_worse_model(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    with operator_scope(tenant.id):
        registry.services.await_retrain(operator_id=tenant.id, version_ids=[crowned], at=timezone.now())
    trainer.hands_over(0.7, 0.3)

    run = request_and_run()

    assert champion(tenant) == run.model_version_id
    assert len(list(Path(settings.RANKING_MODELS).glob("*.onnx"))) == 1


def test_a_model_comes_with_its_lineage_its_gates_and_how_its_data_looked(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    trainer.hands_over(0.79, 0.2)

    request_and_run()

    second, first = versions(tenant)
    assert (first.parent_id, second.parent_id) == (None, crowned)
    assert first.configuration == second.configuration
    assert len(first.configuration) == 64
    assert [gate["name"] for gate in first.gates] == ["base rate", "chance", "calibration"]
    gates = {gate["name"]: gate for gate in second.gates}
    assert gates["log loss"]["threshold"] == 0.002
    assert gates["log loss"]["interval"][0] < gates["log loss"]["measured"] < gates["log loss"]["interval"][1]
    assert all(gate["passes"] for gate in second.gates)
    assert first.reference["rows"] == 600
    assert first.reference["words"]["scene"] == {"lobby": 600}
    assert first.reference["creatives"] == {"crv_good": 300, "crv_bad": 300}


def test_on_other_terms_a_model_that_passed_goes_to_some_screens_first(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    with operator_scope(tenant.id):
        registry.services.set_policy(
            operator_id=tenant.id, changes={"route": "canary", "canary_share": 0.3}, actor="member:one"
        )
    trainer.hands_over(0.79, 0.2)
    second = request_and_run()
    trainer.hands_over(0.8, 0.21)
    third = request_and_run()

    assert champion(tenant) == crowned
    assert [version.stage for version in versions(tenant)] == ["candidate", "canary", "champion"]
    assert second.metrics["promotion"] == {"stage": "canary", "why": ""}
    assert second.metrics["activated"] is False
    assert third.metrics["promotion"]["stage"] == "candidate"
    assert "is the canary; promote or retire it first" in third.metrics["promotion"]["why"]


def test_on_other_terms_the_first_model_still_serves_at_once(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry
) -> None:
    with operator_scope(tenant.id):
        registry.services.set_policy(operator_id=tenant.id, changes={"route": "shadow"}, actor="member:one")

    run = request_and_run()

    assert champion(tenant) == run.model_version_id


def test_an_operators_own_terms_decide_at_the_gate(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    with operator_scope(tenant.id):
        registry.services.set_policy(
            operator_id=tenant.id, changes={"gates": {"log_loss_tolerance": 0.5, "ece_tolerance": 0.5}},
            actor="member:one",
        )  # fmt: skip
    trainer.hands_over(0.7, 0.3)

    run = request_and_run()

    assert champion(tenant) == run.model_version_id


def test_a_file_that_is_not_the_reported_one_is_not_registered(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    trainer.does("""
        Path(request["output"]).mkdir()
        (Path(request["output"]) / "model.onnx").write_bytes(b"other bytes")
        report.write_text(json.dumps({"artefact": {"file": "model.onnx", "digest": "0" * 64}}))
    """)

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "model_digest_mismatch")
    assert champion(tenant) == crowned
    assert len(versions(tenant)) == 1
    assert leftovers() == []


def test_a_champion_whose_file_was_changed_ends_the_run_and_serves_on(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    for path in Path(settings.RANKING_MODELS).glob("*.onnx"):
        path.write_bytes(path.read_bytes() + b" ")

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "champion_changed")
    assert "Restore the file" in run.reason
    assert champion(tenant) == crowned
    assert len(versions(tenant)) == 1


def test_a_changed_champion_that_must_go_does_not_stop_the_next_one(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    with operator_scope(tenant.id):
        registry.services.await_retrain(operator_id=tenant.id, version_ids=[crowned], at=timezone.now())
    for path in Path(settings.RANKING_MODELS).glob("*.onnx"):
        path.write_bytes(b"another file")
    trainer.hands_over(0.75, 0.2)

    run = request_and_run()

    assert champion(tenant) == run.model_version_id


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def without_labels(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["label"]), path)


def labels_as_words(path: Path) -> None:
    table = pq.read_table(path)
    place = table.schema.get_field_index("label")
    pq.write_table(table.set_column(place, "label", table["label"].cast("string")), path)


def nothing(path: Path) -> None:
    pass


BAD_LOGS = [
    (lambda row: {**row, "label": 0}, nothing, "one_class", "both labels"),
    (lambda row: {**row, "propensity": float("nan")}, nothing, "missing_values", "propensity holds NaN"),
    (lambda row: row, cut_short, "unreadable_dataset", "cannot be read as Parquet"),
    (lambda row: row, without_labels, "missing_columns", "lacks the columns label"),
    (lambda row: row, labels_as_words, "wrong_column_type", "label is string"),
]


@pytest.mark.parametrize(("spoil_row", "spoil_file", "code", "words"), BAD_LOGS, ids=[case[2] for case in BAD_LOGS])
def test_a_bad_log_ends_the_run_in_the_training_itself_and_leaves_the_champion(
    tenant: Operator, crowned: UUID, trainer: Any, log: Callable[[Rows], None], request_and_run: Carry,
    monkeypatch: pytest.MonkeyPatch, spoil_row: Any, spoil_file: Callable[[Path], None], code: str, words: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(process, "MODULE", "recsys.training")  # the real one: it refuses before it loads TensorFlow
    log([spoil_row(example(number)) for number in range(200)])
    train = process.train

    def spoilt(request: Path, report: Path, **more: Any) -> dict[str, Any]:
        spoil_file(request.parent / "examples.parquet")
        return train(request, report, **more)

    monkeypatch.setattr(process, "train", spoilt)

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", code)
    assert words in run.reason
    assert champion(tenant) == crowned
    assert len(versions(tenant)) == 1
    assert leftovers() == []


def test_a_vocabulary_that_explodes_ends_the_run_and_leaves_the_champion(
    tenant: Operator, crowned: UUID, trainer: Any, log: Callable[[Rows], None], request_and_run: Carry
) -> None:
    log([{**example(number), "scene": f"scene-{number}"} for number in range(6_000)])

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "vocabulary_too_large")
    assert "column scene holds more than" in run.reason
    assert champion(tenant) == crowned


def test_what_is_kept_of_a_large_vocabulary_is_bounded(
    tenant: Operator, log: Callable[[Rows], None], trainer: Any, request_and_run: Carry
) -> None:
    rows = [{**example(number), "scene": f"scene-{number % 600}"} for number in range(6_000)]
    for number, one in enumerate(rows):
        if number % 2:
            one["creative"] = f"crv_{number}"
    log(rows)

    run = request_and_run()

    [version] = versions(tenant)
    assert (run.state, version.stage) == ("succeeded", "champion")
    assert len(version.reference["words"]["scene"]) == 61
    assert len(version.reference["creatives"]) == 3_001
    assert len(json.dumps(version.reference)) < 150_000


FAILURES = [
    (
        'report.write_text(json.dumps({"error": "one_class", "detail": "the test part needs both labels"}))\n'
        "sys.exit(2)",
        "one_class",
        "Training was refused: the test part needs both labels.",
    ),
    (
        'print("MemoryError: 3 GiB", file=sys.stderr); sys.exit(1)',
        "training_crashed",
        "The training process ended with code 1: MemoryError: 3 GiB",
    ),
    (
        "sys.exit(3)",
        "training_crashed",
        "The training process ended with code 3: it said nothing.",
    ),
    (
        'tell("din", 1, 6, "halfway"); os.kill(os.getpid(), signal.SIGKILL)',
        "training_killed",
        "The training process was killed (signal 9, SIGKILL).",
    ),
    ("pass", "training_without_report", "The training process ended without a readable report."),
    ('report.write_text("[1]")', "training_without_report", "The training process ended without a readable report."),
    ('report.write_text("{}")', "training_without_report", "The training's report names no model file."),
]


@pytest.mark.parametrize(("body", "code", "reason"), FAILURES)
def test_a_training_that_fails_leaves_the_champion_and_says_why(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry, body: str, code: str, reason: str
) -> None:
    trainer.does(body)

    run = request_and_run()

    assert (run.state, run.reason_code, run.reason) == ("failed", code, reason)
    assert run.model_version_id is None
    assert champion(tenant) == crowned
    assert len(versions(tenant)) == 1
    assert leftovers() == []
    with operator_scope(tenant.id):
        assert latest(operator_id=tenant.id, limit=1)[0].action == "run.failed"


def test_a_model_file_that_cannot_be_served_is_not_registered(
    tenant: Operator, crowned: UUID, trainer: Any, request_and_run: Carry
) -> None:
    trainer.does("""
        Path(request["output"]).mkdir()
        (Path(request["output"]) / "model.onnx").write_bytes(b"half a file")
        report.write_text(json.dumps({"artefact": {"file": "../../model.onnx"}}))
    """)

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "model_unusable")
    assert champion(tenant) == crowned
    assert leftovers() == []


def test_a_training_that_hangs_is_ended(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TIME_LIMIT", 0.2)
    trainer.does("time.sleep(600)")

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "training_took_too_long")
    assert leftovers() == []


def test_an_empty_log_is_a_reason(
    tenant: Operator, log: Callable[[Rows], None], trainer: Any, request_and_run: Carry
) -> None:
    log([])

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "empty_log")
    assert leftovers() == []


def test_a_row_that_does_not_fit_is_a_reason(
    tenant: Operator, log: Callable[[Rows], None], trainer: Any, request_and_run: Carry
) -> None:
    log([{"example_id": "pla_1", "viewer": None, "label": "yes"}])

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "export_failed")
    assert leftovers() == []


def test_a_defect_of_ours_ends_the_run_too(
    tenant: Operator, trainer: Any, request_and_run: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*, operator_id: UUID, until: datetime) -> Iterator[dict[str, Any]]:
        raise ZeroDivisionError
        yield {}

    monkeypatch.setattr("events.selectors.examples", broken)

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "internal_error")
    assert "ZeroDivisionError" in run.reason


def test_a_worker_told_to_stop_says_so(
    tenant: Operator, trainer: Any, request_and_run: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(*, operator_id: UUID, until: datetime) -> Iterator[dict[str, Any]]:
        raise SystemExit
        yield {}

    monkeypatch.setattr("events.selectors.examples", stopping)

    with pytest.raises(SystemExit):
        request_and_run()

    with operator_scope(tenant.id):
        assert Run.objects.get().reason_code == "worker_stopped"
    assert leftovers() == []


def test_a_run_that_is_taken_away_ends_its_training_and_registers_nothing(
    tenant: Operator, log: object, trainer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "SHORTEST", 0.05)
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.05)
    trainer.does(f"""
        Path({str(tmp_path)!r}, "pid").write_text(str(os.getpid()))
        tell("din", 1, 6, "halfway")
        time.sleep(600)
    """)
    with operator_scope(tenant.id):
        run = services.request_run(operator_id=tenant.id, trigger="demand", actor="member:one")
    beat = services.beat

    def beat_and_lose(**arguments: Any) -> bool:
        if arguments["progress"].get("stage") == "din":
            with operator_scope(tenant.id):
                services.fail(
                    operator_id=tenant.id, run_id=run.id, code="worker_lost", reason="Swept.", at=timezone.now()
                )
        return beat(**arguments)

    monkeypatch.setattr(services, "beat", beat_and_lose)

    pipeline.run(operator_id=tenant.id, run_id=run.id)

    with operator_scope(tenant.id):
        assert Run.objects.get(id=run.id).reason_code == "worker_lost"
    assert versions(tenant) == []
    assert leftovers() == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_training_process_gets_no_credential(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry, tmp_path: Path
) -> None:
    trainer.does(f'Path({str(tmp_path)!r}, "names").write_text(" ".join(sorted(os.environ)))')

    request_and_run()

    names = set((tmp_path / "names").read_text().split())
    assert "PATH" in names
    assert not [name for name in names if name.startswith(("VITRINE", "DATABASE", "REDIS", "DJANGO"))]


def test_a_run_that_does_not_wait_is_left_alone(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry
) -> None:
    first = request_and_run()

    pipeline.run(operator_id=tenant.id, run_id=first.id)
    pipeline.run(operator_id=tenant.id, run_id=new_id())

    assert len(versions(tenant)) == 1


def test_consents_that_end_during_the_export_are_exported_without(
    tenant: Operator, log: Callable[[Rows], None], trainer: Any, request_and_run: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = new_id()
    rows = [example(number) for number in range(600)]
    exports: list[int] = []

    def examples(*, operator_id: UUID, until: datetime) -> Iterator[dict[str, Any]]:
        exports.append(1)
        viewer = public_id("sub", person) if len(exports) == 1 else None
        yield from ({**one, "viewer": viewer} for one in rows)

    monkeypatch.setattr("events.selectors.examples", examples)
    monkeypatch.setattr(subjects.selectors, "learners", lambda **_: set())

    run = request_and_run()

    assert run.state == "succeeded"
    assert len(exports) == 2
    with operator_scope(tenant.id):
        assert bytes(Dataset.objects.get().people) == b""


def test_consents_that_keep_changing_end_the_run(
    tenant: Operator, log: Callable[[Rows], None], trainer: Any, request_and_run: Carry
) -> None:
    log([{**example(number), "viewer": public_id("sub", UUID(int=number))} for number in range(60)])

    run = request_and_run()

    assert (run.state, run.reason_code) == ("failed", "consents_changed")
    assert leftovers() == []


def test_leftovers_of_dead_workers_are_deleted(
    tenant: Operator, log: object, trainer: Any, request_and_run: Carry
) -> None:
    dead = Path(settings.DATASETS) / str(new_id())
    dead.mkdir(parents=True)
    (dead / "examples.parquet").write_bytes(b"rows")
    elsewhere = Path(settings.DATASETS) / "notes.txt"
    elsewhere.write_text("not ours")

    request_and_run()

    assert leftovers() == [elsewhere]


def test_the_present_run_is_shown_first(tenant: Operator) -> None:
    with operator_scope(tenant.id):
        assert selectors.current(operator_id=tenant.id) is None
        first = services.request_run(operator_id=tenant.id, trigger="demand", actor="member:one")
        services.begin(operator_id=tenant.id, run_id=first.id, at=datetime.now(UTC))
        services.request_run(operator_id=tenant.id, trigger="demand", actor="member:one")
        current = selectors.current(operator_id=tenant.id)
    assert current is not None
    assert current.id == first.id


def example(number: int) -> dict[str, Any]:
    good = number % 2 == 0
    return {
        "example_id": f"pla_{number}", "at": datetime.fromtimestamp(1_800_000_000 + 60 * number, UTC), "viewer": None,
        "creative": "crv_good" if good else "crv_bad", "category": "movies.drama", "advertiser": None, "screen": "s",
        "venue": "v", "venue_category": "c", "scene": "lobby", "hour": 9, "weekday": 1, "position": 0, "party": 1,
        "propensity": 0.5, "history_creatives": [], "history_categories": [], "source": "plays",
        "label": int((number // 2) % 5 != 0) if good else int((number // 2) % 5 == 0),
    }  # fmt: skip
