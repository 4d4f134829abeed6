"""Why a sharded training is refused."""

from __future__ import annotations

from recsys.training.errors import TrainingRefused


class EmptyShard(TrainingRefused):
    """A shard holds no rows, so its constituent would know nothing."""

    code = "empty_shard"
