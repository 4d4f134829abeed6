"""One training from the log to the registry. Needs the training requirements; web and serving workers never import it.

export → train (a process of its own) → gate → register → activate, or a recorded reason why not. Whatever goes wrong,
the champion stays, the run ends as failed with its reason, and no file is left behind.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils import timezone

import catalog.looks
import events.selectors
import registry.files
import signage.selectors
import subjects.selectors
from core.problems import Problem
from core.tenancy import operator_scope
from events.selectors import Traffic
from recsys.pictures.looks import Looks
from recsys.serving.ranker import RankerRefused
from recsys.training.errors import TrainingRefused
from registry.services import Lineage
from signage.policies import POLICIES, denied_in_training
from training import asking, export, folders, process, selectors, services
from training.errors import RunFailed, RunTakenAway
from training.heartbeat import Heartbeat, Observe
from training.judgement import Judged, judge
from training.lineage import configuration_digest, libraries
from training.models import Run

logger = logging.getLogger(__name__)

EXPORTS = 3
"""How often an export is repeated when consents changed while it was written."""
LONGEST_REASON = 500


def run(*, operator_id: UUID, run_id: UUID, observe: Observe | None = None) -> None:
    """Carry out a waiting run; does nothing when it does not wait or another one of the operator is under way.

    Args:
        observe: is told each step of the way (stage, done, of, message) for somebody who waits at a terminal.
    """
    folders.discard_leftovers(selectors.running_ids())
    with operator_scope(operator_id):
        begun = services.begin(operator_id=operator_id, run_id=run_id, at=timezone.now())
    if begun is None:
        return
    try:
        with _failing(operator_id, run_id), _beating(operator_id, run_id, observe) as heartbeat:
            _train(operator_id, begun, heartbeat)
    finally:
        folders.discard(run_id)


def _train(operator_id: UUID, run: Run, heartbeat: Heartbeat) -> None:
    run_id, folder = run.id, folders.make(run.id)
    dataset, traffic = _export(operator_id, run, folder, heartbeat)
    denied = _denied(operator_id)
    looks = _looks(operator_id)
    request = asking.request_of(
        run, parquet=dataset, output=folder / "models", denied=denied,
        looks=_beside(folder, looks) if asking.looks_at_pictures(run, denied) else None,
    )  # fmt: skip
    request.write(folder / "request.json")
    report = process.train(
        folder / "request.json", folder / "report.json", relay=heartbeat.tell, still_wanted=heartbeat.check
    )
    heartbeat.tell("gate", 0, 1, "measuring it against the champion on later rows")
    challenger = _model(folder / "models", report)
    judged = judge(operator_id=operator_id, dataset=dataset, challenger=challenger, looks=looks)
    heartbeat.check()
    lineage = Lineage(
        parent_id=judged.champion_id, configuration=configuration_digest(asdict(request), report),
        libraries=libraries(report), gates=judged.verdict.document(), reference=judged.reference,
    )  # fmt: skip
    with operator_scope(operator_id):
        services.conclude(
            operator_id=operator_id, run_id=run_id, model=challenger, seed=request.seed,
            gradients=_gradients(folder / "models", report),
            metrics=_metrics(report, judged) | {"traffic": traffic.document()}, passes=judged.verdict.passes,
            verdict=judged.verdict.reason, at=timezone.now(), lineage=lineage,
        )  # fmt: skip
    logger.info("Run %s: %s", run_id, judged.verdict.reason)


def _export(operator_id: UUID, run: Run, folder: Path, heartbeat: Heartbeat) -> tuple[Path, Traffic]:
    run_id = run.id
    for _ in range(EXPORTS):
        until = _until(operator_id, run)
        exported, snapshot = _write(operator_id, folder, until, heartbeat)
        with operator_scope(operator_id):
            traffic = events.selectors.traffic(operator_id=operator_id, until=until)
            recorded = services.record_dataset(
                operator_id=operator_id, run_id=run_id, sha256=exported.sha256, rows=exported.rows,
                size=exported.bytes, viewers=exported.viewers, consent_snapshot=snapshot, exported_at=until,
            )  # fmt: skip
        if recorded is not None:
            left_out = f", {traffic.invalid} events left out as invalid traffic" if traffic.invalid else ""
            heartbeat.tell("export", exported.rows, exported.rows, f"{exported.rows} examples{left_out}")
            return exported.path, traffic
    raise RunFailed("consents_changed", f"Consents changed during each of {EXPORTS} exports; the next run tries again.")


def _until(operator_id: UUID, run: Run) -> datetime:
    with operator_scope(operator_id):
        last = selectors.last_exported(operator_id=operator_id) if asking.repeats_the_last_log(run) else None
    return last or timezone.now()


def _write(
    operator_id: UUID, folder: Path, until: datetime, heartbeat: Heartbeat
) -> tuple[export.Exported, dict[str, Any]]:
    def tell(rows: int) -> None:
        heartbeat.check()
        heartbeat.tell("export", rows, rows, f"{rows} examples so far")

    heartbeat.tell("export", 0, 1, "reading the log")
    with operator_scope(operator_id):
        snapshot = subjects.selectors.consent_snapshot(operator_id=operator_id, at=until)
        examples = events.selectors.examples(operator_id=operator_id, until=until)
        return export.write(examples, folder / "examples.parquet", tell=tell), snapshot


def _looks(operator_id: UUID) -> Looks | None:
    """Return what the operator's creatives look like; the file of a log holds their keys only."""
    with operator_scope(operator_id):
        return catalog.looks.of_operator(operator_id=operator_id)


def _beside(folder: Path, looks: Looks | None) -> Path | None:
    """Write looks beside the log."""
    if looks is None:
        return None
    looks.write(folder / "looks")
    return folder / "looks"


def _denied(operator_id: UUID) -> tuple[str, ...]:
    """Return what the scenes deny that the model would decide for."""
    with operator_scope(operator_id):
        scenes = signage.selectors.active_scenes(operator_id=operator_id)
        return tuple(sorted(denied_in_training(POLICIES[scene.policy] for scene in scenes)))


def _gradients(folder: Path, report: dict[str, Any]) -> Path | None:
    """Return the graph that explains the model; None where it is explained without one."""
    written = report.get("gradients")
    return folder / Path(written["file"]).name if isinstance(written, dict) else None


def _model(folder: Path, report: dict[str, Any]) -> Path:
    try:
        artefact = report["artefact"]
        path, told = folder / Path(artefact["file"]).name, artefact.get("digest")
    except (KeyError, TypeError, AttributeError) as error:
        raise RunFailed("training_without_report", "The training's report names no model file.") from error
    if told is not None and told != registry.files.digest_of(path):
        raise RunFailed(
            "model_digest_mismatch",
            f"The model's file is not the one that the training reported ({str(told)[:12]}); it is not registered.",
        )
    return path


def _metrics(report: dict[str, Any], judged: Judged) -> dict[str, Any]:
    """Return what a run tells; each part of it is a document of its own."""
    kept = (
        "kind", "vision", "gradients", "rows", "boundaries", "models", "baselines", "retrieval", "behaviour",
        "versions", "seconds",
    )  # fmt: skip
    return {
        "verdict": judged.verdict.reason,
        **judged.measured.document(),
        "lift": judged.lift,
        "report": {name: report[name] for name in kept if name in report},
    }


@contextmanager
def _beating(operator_id: UUID, run_id: UUID, observe: Observe | None) -> Iterator[Heartbeat]:
    def beat(progress: dict[str, Any]) -> bool:
        return services.beat(operator_id=operator_id, run_id=run_id, progress=progress)

    with Heartbeat(beat, observe) as heartbeat:
        yield heartbeat


@contextmanager
def _failing(operator_id: UUID, run_id: UUID) -> Iterator[None]:
    fail = partial(_fail, operator_id, run_id)
    try:
        yield
    except RunTakenAway:
        logger.warning("Run %s was taken away from this worker", run_id)
    except RunFailed as error:
        fail(error.code, error.reason)
    except TrainingRefused as error:
        fail(error.code, f"Training was refused: {error}.")
    except Problem as error:
        fail(error.code, error.detail)
    except (RankerRefused, OSError) as error:
        logger.exception("Run %s", run_id)
        fail("model_unusable" if isinstance(error, RankerRefused) else "io_error", f"{type(error).__name__}: {error}")
    except Exception as error:
        logger.exception("Run %s", run_id)
        fail("internal_error", f"{type(error).__name__}; the worker's log has the details.")
    except BaseException:
        fail("worker_stopped", "The worker was told to stop in the middle of the training.")
        raise


def _fail(operator_id: UUID, run_id: UUID, code: str, reason: str) -> None:
    logger.warning("Run %s failed: %s: %s", run_id, code, reason)
    with operator_scope(operator_id):
        services.fail(
            operator_id=operator_id, run_id=run_id, code=code, reason=reason[:LONGEST_REASON], at=timezone.now()
        )  # fmt: skip
