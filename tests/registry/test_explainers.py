"""What explains a version, as long as its file is kept."""

import json
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from accounts.models import Operator
from core.tenancy import operator_scope
from recsys.explain.gradients import EXPLAINS, IDS, LOGIT, POINTS, TABLES, GradientExplainer
from recsys.explain.occlusion import OcclusionExplainer
from recsys.features import Behaviour, Context, Item, Viewer
from registry import files
from registry.explainers import explained, gradients_of
from registry.services import register

CONTEXT = Context(screen="s", venue="v", venue_category="retail", scene="till", hour=9, weekday=2, party=1)


def test_the_uniform_ranker_needs_no_explaining(operator: Operator) -> None:
    found = explained(operator_id=operator.id, model="uniform")

    assert found is not None
    assert (found.ranker.version, found.explainer) == ("uniform", None)


def test_a_version_without_a_gradient_graph_is_explained_by_leaving_things_out(
    operator: Operator, trained: Any
) -> None:
    version = trained()

    found = explained(operator_id=operator.id, model=version.file_digest)

    assert found is not None
    assert gradients_of(version) == ""
    assert isinstance(found.explainer, OcclusionExplainer)
    assert found.explainer.explain(CONTEXT, Viewer("k", (Behaviour("c", "food"),)), Item("c", "food")).difference == 0


def test_a_version_whose_file_is_gone_is_not_explained(operator: Operator, trained: Any) -> None:
    version = trained()
    files.remove(version.file_digest)

    assert explained(operator_id=operator.id, model=version.file_digest) is None


def test_a_version_of_another_operator_is_not_explained(
    operator: Operator, other_operator: Operator, trained: Any
) -> None:
    version = trained()

    with operator_scope(other_operator.id):
        assert explained(operator_id=other_operator.id, model=version.file_digest) is None


@pytest.mark.parametrize("kept", [b"no graph", None], ids=["broken", "lost"])
def test_a_gradient_graph_that_cannot_be_used_costs_no_explanation(
    operator: Operator, trained: Any, kept: bytes | None
) -> None:
    version = trained()
    version.metrics = {"report": {"gradients": {"digest": "0" * 64}}}
    version.save(update_fields=["metrics"])
    if kept is not None:
        files.gradients_path(version.file_digest).write_bytes(kept)

    found = explained(operator_id=operator.id, model=version.file_digest)

    assert found is not None
    assert isinstance(found.explainer, OcclusionExplainer)


def test_a_version_with_its_gradient_graph_is_explained_by_it(
    operator: Operator, model_file: Any, tmp_path: Any
) -> None:
    source = model_file(0.5)
    digest = files.digest_of(source)
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(still_graph(digest))

    version = register(
        operator_id=operator.id, source=source, seed=7, code_version="0.1.0+test", actor="system:test",
        metrics={"report": {"gradients": {"digest": files.digest_of(graph)}}}, gradients=graph,
    )  # fmt: skip

    found = explained(operator_id=operator.id, model=version.file_digest)
    assert found is not None
    assert isinstance(found.explainer, GradientExplainer)
    files.remove(digest)
    assert not files.gradients_path(digest).exists()


def still_graph(model: str) -> bytes:
    """The gradient graph of a model that nothing moves and that has no tables."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["hour" + IDS], ["sum"], keepdims=0),
            helper.make_node("Cast", ["sum"], [LOGIT], to=1),
        ],
        "still",
        [helper.make_tensor_value_info("hour" + IDS, TensorProto.INT32, [POINTS, 1])],
        [helper.make_tensor_value_info(LOGIT, TensorProto.FLOAT, [])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(made, {EXPLAINS: model, TABLES: json.dumps({})})
    onnx.checker.check_model(made)
    content: bytes = made.SerializeToString()
    return content
