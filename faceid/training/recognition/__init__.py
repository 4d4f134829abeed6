"""Fitting an embedding network on a folder of labelled faces: the classical ways, from softmax to ArcFace."""
