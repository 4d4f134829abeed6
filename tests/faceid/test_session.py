from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from faceid.errors import MemoryExhausted, ModelsUnavailable
from faceid.pipeline import Pipeline
from faceid.session import Limits, OnnxSession


def black(side: int) -> dict[str, np.ndarray]:
    return {"input": np.zeros((1, 3, side, side), dtype=np.float32)}


def test_a_session_names_its_inputs_and_outputs(models_dir: Path):
    session = OnnxSession(models_dir / "sface.onnx")

    assert session.inputs == {"data": (None, 3, 112, 112)}
    assert session.outputs == ("fc1",)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path):
    (tmp_path / "broken.onnx").write_bytes(b"not a network")

    with pytest.raises(ModelsUnavailable, match=r"broken\.onnx cannot be loaded"):
        OnnxSession(tmp_path / "broken.onnx")


def test_a_provider_that_is_not_there_is_refused_with_those_that_are(models_dir: Path):
    with pytest.raises(ModelsUnavailable, match="no CUDAExecutionProvider here") as refusal:
        Pipeline.load(models_dir, Limits(provider="CUDAExecutionProvider"))
    assert "CPUExecutionProvider" in refusal.value.expected


def test_a_provider_that_cannot_run_the_whole_network_is_refused(models_dir: Path):
    """The pinned onnxruntime lists a provider for remote models: asked for it, it would run everything on the CPU."""
    assert "AzureExecutionProvider" in onnxruntime.get_available_providers()

    with pytest.raises(ModelsUnavailable, match="AzureExecutionProvider"):
        OnnxSession(models_dir / "yunet.onnx", Limits(provider="AzureExecutionProvider"))


@pytest.mark.parametrize("offered", [["OtherProvider"], []])
def test_a_runtime_that_falls_back_to_another_provider_is_refused(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch, offered: list[str]
):
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda _: offered)

    with pytest.raises(ModelsUnavailable, match="instead of CPUExecutionProvider"):
        OnnxSession(models_dir / "yunet.onnx")


def test_a_run_beyond_the_memory_limit_is_refused_and_the_session_lives_on(models_dir: Path):
    session = OnnxSession(models_dir / "yunet.onnx", Limits(memory_mib=32))

    with pytest.raises(MemoryExhausted) as refusal:
        session.run(black(1920))

    assert refusal.value.code == "memory_exhausted"
    assert len(session.run(black(320))) == 12


def test_each_session_keeps_its_own_limit(models_dir: Path):
    small = OnnxSession(models_dir / "yunet.onnx", Limits(memory_mib=32))
    large = OnnxSession(models_dir / "yunet.onnx", Limits(memory_mib=512))

    assert len(large.run(black(1920))) == 12
    with pytest.raises(MemoryExhausted):
        small.run(black(1920))


def test_inputs_of_the_wrong_shape_are_refused(models_dir: Path):
    session = OnnxSession(models_dir / "yunet.onnx")

    with pytest.raises(ModelsUnavailable, match=r"cannot run on inputs of \[\(1, 1, 64, 64\)\]"):
        session.run({"input": np.zeros((1, 1, 64, 64), dtype=np.float32)})
