"""Running a network, whatever runtime executes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from faceid.errors import MemoryExhausted, ModelsUnavailable

CPU: Final = "CPUExecutionProvider"

Shape: TypeAlias = tuple[int | None, ...]
"""Lengths of an array's axes; None where any length will do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session may take.

    Attributes:
        threads: threads within one run. One is right wherever several workers share a machine.
        memory_mib: mebibytes a session may allocate while it runs, on top of its weights. 512 suffice for the largest
            inputs this library makes.
        provider: the execution provider all of the network must run on.
    """

    threads: int = 1
    memory_mib: int = 512
    provider: str = CPU


DEFAULT: Final = Limits()


class Session(Protocol):
    """A loaded network."""

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run the network once and return its outputs in the order of the file."""
        ...

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """Shapes of the inputs by name."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in the order of :meth:`run`."""
        ...


class OnnxSession:
    """A network executed by onnxruntime; safe to share between threads."""

    __slots__ = ("_name", "_runtime", "inputs", "outputs")

    def __init__(self, path: Path, limits: Limits = DEFAULT) -> None:
        """Load the network at ``path``.

        Raises:
            ModelsUnavailable: the file is missing or invalid, or onnxruntime would run it on another provider than
                ``limits`` names.
        """
        require_provider(limits.provider)
        self._runtime = _load(path, limits)
        self._name = path.name
        self.inputs = {one.name: _shape(one.shape) for one in self._runtime.get_inputs()}
        self.outputs = tuple(output.name for output in self._runtime.get_outputs())

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run the network once and return its outputs in the order of the file.

        Raises:
            MemoryExhausted: the run needs more memory than the session's limit.
            ModelsUnavailable: the network refuses the inputs or cannot run.
        """
        try:
            outputs: list[NDArray[np.float32]] = self._runtime.run(None, dict(inputs))
        except Exception as error:  # onnxruntime raises a dozen unrelated classes of its own here
            if "Available memory" in str(error):
                raise MemoryExhausted(
                    f"The model {self._name} needs more memory than its session may take.",
                    expected="inputs that fit into the session's limit.",
                    remedy="Send smaller or fewer pictures at once, or raise the limit.",
                ) from error
            raise ModelsUnavailable(
                f"The model {self._name} cannot run on inputs of {[one.shape for one in inputs.values()]}.",
                expected=f"inputs {dict(self.inputs)}.",
                remedy="Let the manifest declare the inputs that the model has.",
            ) from error
        return outputs


def require_provider(provider: str) -> None:
    """Refuse an execution provider that this machine's onnxruntime does not have, instead of running on another.

    Raises:
        ModelsUnavailable: it is missing; the error names those there are.
    """
    present = onnxruntime.get_available_providers()
    if provider not in present:
        raise ModelsUnavailable(
            f"onnxruntime has no {provider} here.",
            expected=f"one of {', '.join(present)}.",
            remedy="Install the onnxruntime package that carries the provider, or ask for one that is there.",
        )


_registering = Lock()


def _load(path: Path, limits: Limits) -> Any:
    try:
        with _registering:  # the arena registered last is the one that a new session takes
            _register_arena(limits.memory_mib)
            runtime = onnxruntime.InferenceSession(str(path), _options(limits), providers=[limits.provider])
    except Exception as error:  # onnxruntime raises a dozen unrelated classes of its own here
        raise ModelsUnavailable(
            f"The model {path.name} cannot be loaded on {limits.provider} ({type(error).__name__}).",
            expected="a valid ONNX file beside its manifest, all of which the provider can run.",
            remedy="Run `make models` to build the models again, or check your own file with onnx.checker.",
        ) from error
    _require_kept(runtime.get_providers(), limits.provider)
    return runtime


def _options(limits: Limits) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = limits.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # refusals are raised, and a log is no place for what was in a request
    # Patterns are kept for every shape ever seen: with pictures of any size that is a leak.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.use_env_allocators", "1")
    if limits.provider != CPU:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def _register_arena(memory_mib: int) -> None:
    """Give the next session an arena of its own that grows by what is asked for and never beyond the limit."""
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    arena = onnxruntime.OrtArenaCfg({"max_mem": memory_mib * 2**20, "arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(place, arena)


def _require_kept(providers: list[str], provider: str) -> None:
    if not providers or providers[0] != provider:
        raise ModelsUnavailable(
            f"onnxruntime would run on {', '.join(providers) or 'nothing'} instead of {provider}.",
            expected=f"{provider}.",
            remedy="Check the provider's drivers and libraries, or ask for one of the others.",
        )


def _shape(declared: list[int | str | None]) -> Shape:
    return tuple(length if isinstance(length, int) and length > 0 else None for length in declared)
