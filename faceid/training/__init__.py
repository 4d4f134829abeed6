"""Fitting networks in TensorFlow: embeddings and liveness. Nothing that serves imports this package."""
