"""Who imports what: the rules that import-linter cannot state."""

import ast
import re
from collections.abc import Sequence
from typing import Any

TENSORFLOW = {"tensorflow", "keras", "tf_keras", "deepctr", "tf2onnx", "tensorflow_recommenders"}
MODELS = re.compile(r"(\w+)\.models(\.|$)")


def test_another_apps_models_are_private(sources: Sequence[Any], platform_packages: set[str]) -> None:
    apps = platform_packages - {"core"}  # core.models holds the base classes
    trespasses = [
        f"{source.module} imports {name}"
        for source in sources
        for name in source.imports()
        if (match := MODELS.match(name)) and match[1] in apps and match[1] != source.package
    ]

    assert trespasses == []


def test_no_app_looks_up_another_apps_model_by_name(sources: Sequence[Any], platform_packages: set[str]) -> None:
    lookups = [
        f"{source.module} looks up {node.args[0].value}"
        for source in sources
        if ".migrations." not in source.module
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get_model"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and str(node.args[0].value).split(".")[0] in platform_packages - {source.package}
    ]

    assert lookups == []


def test_only_the_two_training_libraries_name_tensorflow(sources: Sequence[Any]) -> None:
    importers = {source.module for source in sources for name in source.imports() if name.split(".")[0] in TENSORFLOW}

    assert importers
    assert {name for name in importers if not name.startswith(("recsys.training", "faceid.training"))} == set()


def test_nobody_listens_to_model_signals(sources: Sequence[Any]) -> None:
    listeners = [
        source.module for source in sources for name in source.imports() if name.startswith("django.db.models.signals")
    ]

    assert listeners == []


def test_foreign_keys_into_another_app_are_strings(sources: Sequence[Any], platform_packages: set[str]) -> None:
    """A class from elsewhere as the target would need the import that the first test refuses; a string needs none."""
    targets = [
        node.args[0].value
        for source in sources
        if source.module.endswith(".models") or ".models." in source.module
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"ForeignKey", "OneToOneField", "ManyToManyField"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]

    assert targets
    assert {target.split(".")[0] for target in targets if "." in target} <= platform_packages
