"""Whether what a model sees is still what it learnt from."""
