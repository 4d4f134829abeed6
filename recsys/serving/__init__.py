"""Rankers that need numpy and onnxruntime, never TensorFlow."""
