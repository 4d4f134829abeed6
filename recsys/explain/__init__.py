"""Why a ranking model gave the score it gave; needs numpy and onnxruntime, never TensorFlow."""
