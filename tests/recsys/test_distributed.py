"""Several processes that learn together end where one alone would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recsys.training.errors import BadRequest

pytestmark = [pytest.mark.training]

ROOT = Path(__file__).parents[2]
LEARN = """
import json, sys
import numpy as np
from recsys.features import Feature, FeatureSpec
from recsys.training import distributed
from recsys.training.configuration import NetworkConfig
from recsys.training.fit import fit, score
from recsys.training.networks import build
from recsys.training.tensorflow import seed_everything, tf

workers, number = json.loads(sys.argv[1])
refusal = None
if workers:
    distributed.join(tuple(workers), number)
    distributed.check_same("00ff")
    try:
        distributed.check_same("00ff" if number else "00fe")
    except distributed.BadRequest as error:
        refusal = str(error)
from recsys.columns import Words
from recsys.training.dataset import Examples, Split

random = np.random.default_rng(4)
spec = FeatureSpec((Feature("viewer", 3_000), Feature("creative", 40), Feature("hour", 24)))
def part(rows):
    feeds = {f.name: random.integers(0, f.size, (rows, 1)).astype(np.int32) for f in spec.features}
    labels = ((feeds["creative"][:, 0] + feeds["hour"][:, 0]) % 5 == 0).astype(np.float32)
    none = Words(("",), np.zeros(rows, dtype=np.int32))
    return Examples(feeds, labels, np.arange(rows), none, none, none, none)
split = Split(part(1_290), part(300), part(300))
seed_everything(7)
network = build(NetworkConfig.of("deepfm", dropout=0.0, forgetting=0.0, omission=0.0), spec, 7)
losses = fit(network, split, stage="deepfm", epochs=3, batch_size=20)
print(json.dumps([losses, score(network, split.test).astype(float).tolist(), refusal]))
"""


def free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def start(workers, number):
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    return subprocess.Popen(
        [sys.executable, "-c", LEARN, json.dumps([workers, number])],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process):
    output, words = process.communicate(timeout=240)
    assert process.returncode == 0, words[-3_000:]
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def results():
    """What two processes that learn together find, and last what one alone finds."""
    addresses = free_addresses(2)
    processes = [start(addresses, 0), start(addresses, 1), start([], 0)]
    try:
        return [result(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_two_processes_have_the_losses_and_the_scores_of_one(results):
    *together, alone = results

    for losses, scores, _ in together:
        np.testing.assert_allclose(losses, alone[0], rtol=0, atol=2e-5)
        np.testing.assert_allclose(scores, alone[1], rtol=0, atol=2e-4)
    assert alone[0][-1] < alone[0][0] - 1e-3


def test_processes_with_different_logs_all_refuse(results):
    *together, alone = results

    assert ["do not have the same log" in refusal for _, _, refusal in together] == [True, True]
    assert alone[2] is None


@pytest.mark.parametrize(
    ("workers", "number", "words"),
    [
        (("127.0.0.1:7000", "127.0.0.1:7000"), 0, "different addresses"),
        (("127.0.0.1",), 0, "host:port"),
        (("host:99999",), 0, "host:port"),
        (("a:1", "b:1"), 2, "from 0 to 1, got 2"),
    ],
)
def test_addresses_that_are_none_are_refused(workers, number, words):
    from recsys.training.distributed import join

    with pytest.raises(BadRequest, match=words):
        join(workers, number)


def test_a_process_alone_has_all_rows_and_agrees_with_itself():
    from recsys.training import distributed

    assert distributed.share() == distributed.Share(0, 1)
    assert distributed.agreed(0.3) == 0.3
