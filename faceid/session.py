"""Running a network, whatever runtime executes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from faceid.errors import ModelsUnavailable

PROVIDER = "CPUExecutionProvider"


class Session(Protocol):
    """A loaded network."""

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run the network once and return its outputs in the order of the file."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in the order of :meth:`run`."""
        ...


class OnnxSession:
    """A network executed by onnxruntime on the CPU; safe to share between threads."""

    __slots__ = ("_runtime", "outputs")

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Load the network at ``path``.

        Args:
            path: an ONNX file.
            threads: threads within one run. One is right wherever several workers share a machine.

        Raises:
            ModelsUnavailable: the file is missing or invalid, or onnxruntime has no CPU provider.
        """
        self._runtime = _load(path, threads)
        self.outputs = tuple(output.name for output in self._runtime.get_outputs())

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run the network once and return its outputs in the order of the file."""
        outputs: list[NDArray[np.float32]] = self._runtime.run(None, dict(inputs))
        return outputs


def _load(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        runtime = onnxruntime.InferenceSession(str(path), options, providers=[PROVIDER])
    except Exception as error:  # onnxruntime raises a dozen unrelated classes of its own here
        raise ModelsUnavailable(
            f"The model {path.name} cannot be loaded ({type(error).__name__}).",
            expected="a valid ONNX file beside its manifest.",
            remedy="Run `make models` to build the models again.",
        ) from error
    if PROVIDER not in runtime.get_providers():
        raise ModelsUnavailable(
            f"onnxruntime offers {runtime.get_providers()} instead of {PROVIDER}.",
            expected="an onnxruntime with its CPU provider.",
            remedy="Install the pinned requirements again.",
        )
    return runtime
