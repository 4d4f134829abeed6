import os
import subprocess
import sys

PROBE = """
import django, sys
django.setup()
import training.tasks, training.api, registry.api, registry.serving
print([name for name in ("pyarrow", "tensorflow", "training.pipeline") if name in sys.modules])
"""


def test_web_and_serving_workers_load_no_library_of_the_training() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}

    found = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, env=environment
    )  # fmt: skip

    assert found.stdout == "[]\n"
