"""Inference that must not exist: nothing in the code reads a feeling or an origin off a face."""

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from recsys.features import CONTEXT_NUMBERS, CONTEXT_WORDS, HISTORIES, ITEM_WORDS
from recsys.guard import is_forbidden

INFERRED = re.compile(r"emotion|ethnic|racial|facial_expression|sentiment|mood", re.IGNORECASE)
REFUSALS = {"recsys.guard"}
"""Modules whose business is to name what is refused."""


def names(tree: ast.AST) -> Iterator[str]:
    """Yield identifiers, and strings that could serve as one; prose and comments may say what does not exist."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Constant(value=str(text)) if re.fullmatch(r"[\w.-]+", text):
                yield text


def test_nothing_infers_a_feeling_or_an_origin(sources: Sequence[Any]) -> None:
    offenders = {
        f"{source.module}: {name}"
        for source in sources
        if source.module not in REFUSALS
        for name in names(source.tree)
        if INFERRED.search(name)
    }

    assert offenders == set()


def test_no_ranking_feature_comes_from_a_face() -> None:
    features = ["viewer", *ITEM_WORDS, *CONTEXT_WORDS, *CONTEXT_NUMBERS, *HISTORIES]

    assert [name for name in features if is_forbidden(name)] == []


def of_creatives(module: str) -> bool:
    """Tell whether a module looks at the media of creatives, which nobody's camera took."""
    return module.startswith("recsys.pictures")


def test_the_serving_path_knows_no_face(sources: Sequence[Any]) -> None:
    importers = [
        f"{source.module} imports {name}"
        for source in sources
        if source.package in {"decisions", "recsys", "registry", "training", "catalog", "events"}
        for name in source.imports()
        if name.split(".")[0] == "faceid" or (name.split(".")[0] == "cv2" and not of_creatives(source.module))
    ]

    assert importers == []


def test_only_recognition_keeps_company_with_the_face_library(sources: Sequence[Any]) -> None:
    importers = {
        source.package for source in sources for name in source.imports() if name.split(".")[0] == "faceid"
    } - {"faceid"}

    assert importers <= {"identities", "demo"}
