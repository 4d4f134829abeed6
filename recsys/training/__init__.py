"""Training of ranking, retrieval and behaviour models; the only part of Vitrine that loads TensorFlow."""
