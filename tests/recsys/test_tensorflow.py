"""TensorFlow is set up for steps of learning."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.training]

MEGABYTES, STEPS = 40, 10
FAULTS = f"""
import resource
from recsys.training.tensorflow import tf
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
numbers = tf.ones(({MEGABYTES} << 18,))
numbers * 2.0
before = faults()
for _ in range({STEPS}):
    numbers * 2.0
print(faults() - before)
"""


def test_the_arrays_of_a_step_are_kept_for_the_next():
    """An array that the system maps anew costs a page fault for each of its pages, and half of the time of a step."""
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}

    found = subprocess.run(
        [sys.executable, "-c", FAULTS], env=environment, capture_output=True, text=True, check=True, timeout=120
    )

    pages = (MEGABYTES << 20) // resource.getpagesize()
    assert int(found.stdout) < STEPS * pages / 10
