"""What a run asks of ``recsys.training``: the usual, in shards, or with differential privacy."""

from pathlib import Path

from django.conf import settings

from recsys.guard import FeaturePolicy
from recsys.specification import PICTURE
from recsys.training.configuration import NetworkConfig
from recsys.training.private.terms import PrivacyTerms
from recsys.training.request import TrainingRequest
from training import folders
from training.models import Run, Trigger


def looks_at_pictures(run: Run, denied: tuple[str, ...]) -> bool:
    """Return whether a run learns from how creatives look.

    Trainings that promise something about people are of one plain network, and a scene may deny pictures as any other
    feature.
    """
    plain = not run.terms and not in_shards()
    return plain and bool(settings.TRAINING_PICTURES) and not FeaturePolicy(frozenset(denied)).denies(PICTURE)


def request_of(
    run: Run, *, parquet: Path, output: Path, denied: tuple[str, ...], looks: Path | None = None
) -> TrainingRequest:
    """Return the request of a run.

    Args:
        looks: of the creatives, where the run `looks_at_pictures`.

    Raises:
        BadRequest: the settings or the terms make no sense.
    """
    if run.terms:
        terms = PrivacyTerms(epsilon=run.terms["epsilon"], delta=run.terms["delta"])
        return TrainingRequest(
            parquet=parquet, output=output, denied=denied, kinds=(NetworkConfig.of(run.terms["network"]).kind,),
            retrieval=False, behaviour=False, privacy=terms,
        )  # fmt: skip
    if in_shards():
        return TrainingRequest(
            parquet=parquet, output=output, denied=denied,
            kinds=(NetworkConfig.of(settings.TRAINING_SHARDED_NETWORK).kind,), retrieval=False, behaviour=False,
            shards=settings.TRAINING_SHARDS, slices=settings.TRAINING_SLICES, shard_key=folders.shard_key().hex(),
            checkpoints=folders.shards_of(run.operator_id),
        )  # fmt: skip
    return TrainingRequest(parquet=parquet, output=output, denied=denied, looks=looks)


def repeats_the_last_log(run: Run) -> bool:
    """Return whether a run learns from the log of the run before, less whom an erasure took out of it.

    Only then are the rows of everybody else the same rows, and their checkpoints of use.
    """
    return in_shards() and run.trigger == Trigger.ERASURE and not run.terms


def in_shards() -> bool:
    """Return whether trainings are in shards."""
    return bool(settings.TRAINING_SHARDS > 1)
