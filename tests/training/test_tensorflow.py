"""One whole training with the real library, in its own process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

import registry.serving
from accounts.models import Operator
from core.epochs import versions
from core.tenancy import operator_scope
from recsys.features import Context, Item, Viewer, encode_items
from training import asking
from training.models import Run

HISTORIES: list[dict[str, Any]] = [
    {},
    {"history_creatives": ["crv_good"], "history_categories": ["movies.drama"]},
    {"history_creatives": ["crv_bad", "crv_good"], "history_categories": ["movies.drama"] * 2},
]
pytestmark = [pytest.mark.training, pytest.mark.django_db(transaction=True)]


def test_a_real_training_ends_with_a_ranker_that_serves_what_it_learnt(
    tenant: Operator,
    log: Callable[[list[dict[str, Any]]], None],
    log_row: Callable[..., dict[str, Any]],
    request_and_run: Callable[[], Run],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log([log_row(number) | HISTORIES[number % 3] for number in range(3000)])

    class OneNetwork(asking.TrainingRequest):
        """DeepFM alone learns two creatives in seconds."""

        def __init__(self, **given: Any) -> None:
            super().__init__(**given, kinds=("deepfm",), epochs=8, batch_size=64)

    monkeypatch.setattr(asking, "TrainingRequest", OneNetwork)

    run = request_and_run()

    assert (run.state, run.reason) == ("succeeded", "")
    assert run.metrics["activated"] is True
    assert run.metrics["test"]["rows"] == 450
    assert set(run.metrics["report"]["models"]) == {"deepfm"}
    with operator_scope(tenant.id):
        ranker = registry.serving.active_ranker(tenant.id, versions(operator_id=tenant.id))
    context = Context("scr_1", "ven_1", "entertainment.movie_theaters", "lobby", hour=9, weekday=1, party=1)
    candidates = encode_items([Item("crv_good", "movies.drama"), Item("crv_bad", "movies.drama")])
    good, bad = ranker.rank(context, [Viewer()], candidates)[0]
    assert np.array([good, bad]) == pytest.approx([0.8, 0.2], abs=0.1)
    assert list(Path(settings.DATASETS).iterdir()) == []
