"""How onnxruntime is opened in a serving process."""

from __future__ import annotations

import onnxruntime


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    """Open an ONNX model for one thread of the caller, without threads of its own that would spin."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
