"""Whether a model's file is the registered one and can be served."""

from pathlib import Path

from recsys.serving.ranker import Ranker, RankerRefused
from registry import files
from registry.errors import ModelFileUnusable


def digest_of(source: Path) -> str:
    """Return the SHA-256 of a trained model's file.

    Raises:
        ModelFileUnusable: it cannot be read.
    """
    try:
        return files.digest_of(source)
    except OSError as error:
        raise ModelFileUnusable(f"The trained model's file cannot be read: {error.strerror}.") from error


def proven(path: Path, digest: str) -> Ranker:
    """Load the file as a serving process would: what cannot be served must not become the champion.

    Raises:
        ModelFileUnusable: it is missing, is another file, or cannot be served by this code.
    """
    try:
        return Ranker.load(path, digest)
    except OSError as error:
        raise ModelFileUnusable(
            f"The model's file {digest[:12]} is not where it belongs ({error.strerror}); restore it or train again."
        ) from error
    except RankerRefused as error:
        raise ModelFileUnusable(f"The model's file {digest[:12]} cannot be served: {error}.") from error
