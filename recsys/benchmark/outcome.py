"""What came of one model on one data set."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

METRICS: Final = ("auc", "gauc", "log_loss", "ece", "chance_ece", "ndcg", "coverage")
COLD: Final = ("anonymous_auc", "new_item_auc")
LOWER_IS_BETTER: Final = frozenset({"log_loss", "ece"})


@dataclass(frozen=True, slots=True)
class Trial:
    """One training with one seed, judged on the test part.

    Attributes:
        auc, gauc, ndcg: of the scores as they are; None where not defined. GAUC and NDCG@10 are within each user's rows
            of the test part.
        log_loss, ece: of probabilities calibrated on the validation part (Platt), as the product does.
        chance_ece: the ECE that a model of these probabilities has on so many rows if all are right, since labels are
            drawn. The more its probabilities differ from each other, the more that is.
        coverage: share of the sampled catalogue that is among the first ten of at least one of the sampled users;
            Ge, Delgado-Battenfeld and Jannach, RecSys 2010. None for a log without items.
        anonymous_auc: of the same rows, had nobody known who was asking; None for a log without users.
        new_item_auc: of the rows whose item the train part does not hold; None where there are fewer than a hundred, or
            of one label only.
        validation_log_loss: calibrated, on the validation part; our best model is the one with the least.
        passes: how often the train part was gone through.
        seconds: of the whole fit, hyper-parameters included.
        rows_per_second: rows of the train part times passes, by those seconds.
    """

    seed: int
    auc: float | None
    gauc: float | None
    log_loss: float
    ece: float
    chance_ece: float
    ndcg: float | None
    coverage: float | None
    anonymous_auc: float | None
    new_item_auc: float | None
    validation_log_loss: float
    passes: int
    seconds: float
    rows_per_second: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """All trials of one model.

    Attributes:
        ours: whether it is the product's own and no peer.
        seeded: whether another seed gives another model; otherwise it was trained once.
        skipped: why it was not trained, None if it was.
        failed: whether its process ended without figures, rather than that it had nothing to say about the data.
        peak_mib: most memory its process held at a time, in MiB, libraries and data included.
    """

    model: str
    ours: bool
    seeded: bool
    trials: tuple[Trial, ...]
    skipped: str | None
    peak_mib: float
    failed: bool = False

    def mean(self, metric: str) -> float | None:
        """Average a metric over seeds; None where it is not defined."""
        values = self.values(metric)
        return sum(values) / len(values) if values else None

    def values(self, metric: str) -> list[float]:
        """List a metric's values, one a seed, without those that are not defined."""
        return [value for trial in self.trials if (value := getattr(trial, metric)) is not None]

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Outcome:
        """Read what `write` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(**(content | {"trials": tuple(Trial(**trial) for trial in content["trials"])}))
