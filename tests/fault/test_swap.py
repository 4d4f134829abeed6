"""Models change while screens ask, on real web workers: no request fails, and what is decided follows."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from servers.report import wait_for

pytestmark = pytest.mark.fault

STAGE = "import django, runpy, sys; django.setup(); runpy.run_path(sys.argv[1], run_name='__main__')"
ASKING = 4
MOST_MOVES_LAST = 60.0


@pytest.fixture
def models(site: Any) -> list[dict[str, str]]:
    """Three models of the site's operator."""
    stage = [sys.executable, "-c", STAGE, Path(__file__).with_name("modelling.py")]
    found = subprocess.run(stage, env=site.variables, check=True, stdout=subprocess.PIPE)
    made: list[dict[str, str]] = json.loads(found.stdout)
    return made


class Screens:
    """Players that ask without a pause, and count how they were answered and by which model."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.statuses: Counter[object] = Counter()
        self.models: Counter[str] = Counter()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(ASKING)]

    def __enter__(self) -> "Screens":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def until_decided_by(self, digest: str) -> None:
        """Wait until a model has decided something more."""
        before = self.models[digest]
        wait_for(f"model {digest[:12]}", lambda: self.models[digest] > before, timeout=MOST_MOVES_LAST)

    def _ask(self) -> None:
        with self.site.client() as client:
            while not self.stop.is_set():
                try:
                    answer = client.post("/v1/decisions", json={"audience": {"count": 1}})
                    self.statuses[answer.status_code] += 1
                    self.models[answer.json()["model"]] += 1
                except (httpx.HTTPError, KeyError) as error:
                    self.statuses[type(error).__name__] += 1


@pytest.fixture
def screens(site: Any) -> Iterator[Screens]:
    """Screens that are asking."""
    with Screens(site) as asking:
        yield asking


def test_no_request_fails_while_models_are_activated_tried_and_rolled_back(
    site: Any, models: list[dict[str, str]], screens: Screens
) -> None:
    first, second, third = models
    begun = time.monotonic()
    with site.client("key") as client:

        def move(path: str, **body: Any) -> None:
            answer = client.post(f"/v1/models/{path}", json=body)
            assert answer.status_code == 200, answer.text

        move(f"{first['id']}/activate")
        screens.until_decided_by(first["digest"])
        for _ in range(3):
            move(f"{second['id']}/activate")
            screens.until_decided_by(second["digest"])
            move("rollback")
            screens.until_decided_by(first["digest"])
        move(f"{third['id']}/shadow", share=1.0)
        move(f"{third['id']}/canary", share=1.0)
        screens.until_decided_by(third["digest"])
        move(f"{third['id']}/retire", reason="enough")
        screens.until_decided_by(first["digest"])
        move(f"{third['id']}/shadow", share=1.0)
        observed = f"SELECT 1 FROM registry_observation WHERE stage = 'shadow' AND model = '{third['digest']}'"
        wait_for("a shadow's scores", lambda: bool(site.rows(observed)), timeout=MOST_MOVES_LAST)

    assert set(screens.statuses) == {200}, screens.statuses
    assert {model["digest"] for model in models} <= set(screens.models)
    stages = dict(site.rows("SELECT file_digest, stage FROM registry_modelversion"))
    assert [stages[model["digest"]] for model in models] == ["champion", "retired", "shadow"]
    assert site.rows("SELECT 1 FROM registry_observation WHERE stage = 'canary' AND NOT failed LIMIT 1")
    print(f"{screens.statuses[200]} decisions during 12 moves in {time.monotonic() - begun:.0f} s, none failed")
