"""A pytest plugin: keeps coverage from following TensorFlow, tf2onnx and schemathesis through their own work.

Coverage looks at every line that Python runs, also where nothing of ours is on the way: a third of the time of the
tests that train, and half of the time of those that make requests up. What is left out here are functions of theirs
that never call back.
"""

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

TRAINING = (
    ("tensorflow.python.framework.op_def_library", "_apply_op_helper"),
    ("tensorflow.python.eager.imperative_grad", "imperative_grad"),
    ("tensorflow.python.autograph.impl.api", "_convert_actual"),
    ("tf2onnx.convert", "_convert_common"),
)
FACES = Path(__file__).resolve().parents[1] / "tests" / "faceid"
REQUESTS = (
    ("schemathesis.specs.openapi._hypothesis", "_draw"),
    ("schemathesis.generation.case", "Case.validate_response"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wrap the functions of TensorFlow before the first test that loads it, and those of schemathesis once loaded."""
    if sys.gettrace() is None:
        return
    if item.get_closest_marker("training"):
        # Each library's own door: what it says about threads and processors must not hold for the other one's tests.
        import_module("faceid.training.tensorflow" if FACES in item.path.parents else "recsys.training.tensorflow")
        wrap_all(TRAINING)
    if "schemathesis" in sys.modules:
        wrap_all(REQUESTS)


def wrap_all(functions: Iterable[tuple[str, str]]) -> None:
    """Put wrapped functions in the places of theirs, once."""
    for module, path in functions:
        holder, _, name = path.rpartition(".")
        place = attrgetter(holder)(import_module(module)) if holder else import_module(module)
        function = getattr(place, name)
        if not hasattr(function, "__wrapped__"):
            setattr(place, name, untraced(function))


def untraced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function run without a trace function, which goes on afterwards."""

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        trace = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(trace)

    return call
