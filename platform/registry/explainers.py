"""What explains the scores of a version: its own ranker, and its gradient graph where it has one.

A web process explains now and then, so the two versions asked about last are kept in memory and no more.
"""

import logging
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from recsys.explain.errors import ExplanationRefused
from recsys.explain.explainer import Explainer
from recsys.explain.gradients import GradientExplainer
from recsys.explain.occlusion import OcclusionExplainer
from recsys.serving.protocol import RankerProtocol
from recsys.serving.ranker import Ranker, RankerRefused
from recsys.serving.uniform import UniformRanker
from registry import files
from registry.models import ModelVersion

logger = logging.getLogger(__name__)

KEPT = 2


@dataclass(frozen=True, slots=True)
class Explained:
    """A version that can still be asked.

    Attributes:
        explainer: None for the uniform ranker, whose scores owe nothing to anything.
        vision: what described the pictures it learnt from, see ``recsys.pictures``; empty when it looks at none.
    """

    ranker: RankerProtocol
    explainer: Explainer | None
    vision: str = ""


def explained(*, operator_id: UUID, model: str) -> Explained | None:
    """Return what scored a decision; None when its file is no longer kept, or cannot be served by this code.

    Args:
        model: what the decision's log names: the digest of a file, or ``uniform``.
    """
    if model == UniformRanker().version:
        return Explained(UniformRanker(), None)
    version = ModelVersion.objects.filter(operator_id=operator_id, file_digest=model).first()
    if version is None or not files.path_of(model).is_file():
        return None
    try:
        return _load(model, gradients_of(version))
    except (OSError, RankerRefused) as error:
        logger.error("Model %s cannot be asked why: %s", model[:12], error)
        return None


def gradients_of(version: ModelVersion) -> str:
    """Return the digest of a version's gradient graph, empty when it has none."""
    report = version.metrics.get("report")
    gradients = report.get("gradients") if isinstance(report, dict) else None
    return str(gradients.get("digest", "")) if isinstance(gradients, dict) else ""


@lru_cache(maxsize=KEPT)
def _load(model: str, gradients: str) -> Explained:
    ranker = Ranker.load(files.path_of(model), model)
    return Explained(ranker, _explainer(ranker, gradients), ranker.metadata.vision)


def _explainer(ranker: Ranker, gradients: str) -> Explainer:
    """Return what explains by gradients, or, where that is not possible, by leaving things out."""
    if gradients:
        try:
            return GradientExplainer.load(
                ranker, model=files.path_of(ranker.version), gradients=files.gradients_path(ranker.version),
                expected_digest=gradients,
            )  # fmt: skip
        except (OSError, ExplanationRefused) as error:
            logger.warning("Model %s is explained without gradients: %s", ranker.version[:12], error)
    return OcclusionExplainer(ranker)
