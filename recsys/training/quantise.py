"""Smaller files of a ranking model, offered only where they rank as well.

Embedding tables are nearly all of a file: as half-precision numbers they take half of it, as bytes a quarter. Neither
makes a decision faster, see `docs/serving.md`: it is for vocabularies of millions.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from recsys.features import FeatureSpec, Feeds
from recsys.serving.metadata import PREFIX, ModelMetadata
from recsys.serving.ranker import Ranker
from recsys.serving.session import open_session
from recsys.training.dataset import Examples
from recsys.training.metrics import auc
from recsys.training.report import ArtefactReport, QuantisationReport, write_whole
from recsys.training.request import Quantisation

MOST_MOVED: Final = 0.0005
"""By how much the AUC of what is offered may differ, up or down: a change of the ranking either way."""


def quantise_file(
    artefact: ArtefactReport, method: Quantisation, *, folder: Path, test: Examples, spec: FeatureSpec
) -> tuple[ArtefactReport, QuantisationReport]:
    """Replace an exported file by a smaller one, unless that is refused; see `judge`."""
    full = folder / artefact.file
    smaller, report = judge(full.read_bytes(), method, test.feeds, test.labels, spec)
    if report.refused or report.difference is None:
        return artefact, report
    digest = sha256(smaller).hexdigest()
    write_whole(folder / f"{digest}.onnx", smaller)
    full.unlink()
    return ArtefactReport(f"{digest}.onnx", digest, len(smaller), artefact.parity + report.difference), report


def judge(
    content: bytes, method: Quantisation, rows: Feeds, labels: ArrayLike, spec: FeatureSpec
) -> tuple[bytes, QuantisationReport]:
    """Make the smaller file of a model and measure whether it may be offered.

    Args:
        content: an exported ranking model.
        rows: of a log, which the model did not learn from.
        labels: of the rows, shape (rows,); both must occur.

    Returns:
        The smaller file and what was measured; it is refused if the AUC moves by 0.0005 or more.
    """
    smaller = quantise(content, method)
    full, found = _scores(content, rows, spec), _scores(smaller, rows, spec)
    full_auc, found_auc = auc(labels, full), None
    refused, difference = "its scores are no numbers", None
    if np.isfinite(found).all():
        found_auc, difference = auc(labels, found), float(np.abs(found - full).max())
        moved = abs((found_auc or 0.0) - (full_auc or 0.0))
        refused = "" if moved < MOST_MOVED else f"AUC moves by {moved:.4f}, allowed are less than {MOST_MOVED}"
    return smaller, QuantisationReport(method, refused, found_auc, full_auc, difference, len(smaller), len(content))


def quantise(content: bytes, method: Quantisation) -> bytes:
    """Make the smaller file of a model; what it says about itself stays, and it adds how it was made smaller."""
    model = _halved(onnx.load_from_string(content)) if method == "float16" else _in_bytes(content)
    about = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    del model.metadata_props[:]
    helper.set_model_props(model, about | {PREFIX + "quantised": method})
    smaller: bytes = model.SerializeToString()
    return smaller


def _halved(model: Any) -> Any:
    """Keep embedding tables as half-precision numbers, widened again after a look-up."""
    tables = _tables(model.graph)
    for tensor in model.graph.initializer:
        if tensor.name in tables:
            with np.errstate(over="ignore"):  # what does not fit becomes infinite, and the scores will tell
                halves = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(halves, tensor.name))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        model.graph.node.append(node)
        if node.op_type == "Gather" and node.input[0] in tables:
            wide, narrow = node.output[0], f"{node.output[0]}_half"
            model.graph.node[-1].output[0] = narrow
            model.graph.node.append(
                helper.make_node("Cast", [narrow], [wide], name=f"{wide}_widened", to=TensorProto.FLOAT)
            )
    return model


def _tables(graph: Any) -> set[str]:
    """Find the matrices of which nothing but rows is read."""
    matrices = {each.name for each in graph.initializer if each.data_type == TensorProto.FLOAT and len(each.dims) == 2}
    looked_up = {node.input[0] for node in graph.node if node.op_type == "Gather"}
    read = {
        name for node in graph.node for place, name in enumerate(node.input) if node.op_type != "Gather" or place > 0
    }
    return matrices & looked_up - read


def _in_bytes(content: bytes) -> Any:
    """Keep embedding tables and the weights of layers as bytes, and multiply by them in whole numbers."""
    with TemporaryDirectory(prefix="quantise-") as folder:
        full, smaller = Path(folder) / "full.onnx", Path(folder) / "smaller.onnx"
        full.write_bytes(content)
        quantize_dynamic(full, smaller, weight_type=QuantType.QInt8, op_types_to_quantize=["Gather", "MatMul", "Gemm"])
        return onnx.load(smaller)


def _scores(content: bytes, rows: Feeds, spec: FeatureSpec) -> NDArray[np.float32]:
    session = open_session(content)
    metadata = ModelMetadata.read(session.get_modelmeta().custom_metadata_map)
    return Ranker(session, version="", metadata=metadata, spec=spec).score(rows)
