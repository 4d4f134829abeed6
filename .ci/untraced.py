"""A pytest plugin: keeps coverage from following TensorFlow and tf2onnx through their own work.

Coverage looks at every line that Python runs, also where nothing of ours is on the way: a third of the time of the
tests that train. What is left out here are functions of theirs that never call back.
"""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import pytest

FUNCTIONS = (
    ("tensorflow.python.framework.op_def_library", "_apply_op_helper"),
    ("tensorflow.python.eager.imperative_grad", "imperative_grad"),
    ("tensorflow.python.autograph.impl.api", "_convert_actual"),
    ("tf2onnx.convert", "_convert_common"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wrap the functions before the first test that loads TensorFlow."""
    if sys.gettrace() is not None and item.get_closest_marker("training"):
        wrap_all()


def wrap_all() -> None:
    """Load TensorFlow by our own door and put wrapped functions in the places of theirs, once."""
    import_module("recsys.training.tensorflow")
    for module, name in FUNCTIONS:
        function = getattr(import_module(module), name)
        if not hasattr(function, "__wrapped__"):
            setattr(import_module(module), name, untraced(function))


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
