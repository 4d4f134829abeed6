"""How right this library and OpenCV's own pipeline are about the same pairs of pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from faceid.errors import FaceError, NoFace
from faceid.evaluate.acquisition import ANY, UNREADABLE, Acquisition, acquire
from faceid.evaluate.folder import names
from faceid.evaluate.intervals import Estimate, rate_over_people
from faceid.evaluate.pairs import Pairs
from faceid.evaluate.progress import Progress
from faceid.evaluate.verification import Comparisons, fold_accuracy, true_accept_rate
from faceid.evaluate.verification_report import compare as scored
from faceid.image import decode
from faceid.opencv import OpenCV
from faceid.pipeline import Pipeline
from faceid.rules import Profile

FALSE_ACCEPT_RATE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What one pipeline makes of a file of pairs; intervals hold with 95 %, over people.

    Attributes:
        accuracy: share of pairs told rightly, each fold's at the threshold that is best on the others (Huang et al.,
            LFW, 2007, section 4). A pair of which a picture gave no embedding counts as two people.
        tar: share of genuine pairs that pass at the threshold at which 1 % of the impostor pairs do.
        failures: share of pictures that gave no embedding.
    """

    accuracy: Estimate
    tar: Estimate
    failures: Estimate

    @classmethod
    def of(cls, pairs: Pairs, acquired: Acquisition) -> tuple[Self, NDArray[np.bool_]]:
        """Measure embeddings; return the figures, and which pairs were told rightly, bool, shape (pairs,).

        Raises:
            TooLittleData: no pair of one kind has two embeddings.
        """
        comparisons = scored(pairs, acquired).comparisons
        right = _right(comparisons)
        one_by_path = {one.path: one for pair in pairs.pairs for one in (pair.first, pair.second)}
        codes = names(list(one_by_path.values()))
        figures = cls(
            rate_over_people(right, comparisons.first),
            true_accept_rate(comparisons, FALSE_ACCEPT_RATE).tar,
            rate_over_people(
                np.array([acquired.failed(path) for path in one_by_path], dtype=np.bool_),
                np.array([codes[one.person] for one in one_by_path.values()], dtype=np.int64),
            ),
        )
        return figures, right


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Two pipelines on the same pairs.

    Attributes:
        pictures, genuine, impostor, folds: what they were measured on.
        ours, opencv: figures of each.
        ours_alone, opencv_alone: pairs that one told rightly and the other did not: the only ones that tell the two
            apart (McNemar, Psychometrika 12(2), 1947).
    """

    pictures: int
    genuine: int
    impostor: int
    folds: int
    ours: Accuracy
    opencv: Accuracy
    ours_alone: int
    opencv_alone: int


def compare_accuracy(
    pipeline: Pipeline,
    opencv: OpenCV,
    pairs: Pairs,
    *,
    profile: Profile = ANY,
    progress: Callable[[int], None] | None = None,
) -> Accuracies:
    """Embed the main face of every picture of the pairs with both pipelines, and compare what they make of them.

    Args:
        pairs: from :func:`faceid.evaluate.pairs.read`.
        profile: how good a face must be for ours to embed it. OpenCV has no such gate and embeds every face it finds,
            as :data:`faceid.evaluate.acquisition.ANY` does.
        progress: called with the number of pictures that one of them has finished; standard error is told unless given.

    Raises:
        TooLittleData: no pair of one kind has two embeddings.
    """
    paths = list(dict.fromkeys(one.path for pair in pairs.pairs for one in (pair.first, pair.second)))
    ours, we_are_right = Accuracy.of(pairs, acquire(pipeline, paths, profile=profile, progress=progress))
    theirs, they_are_right = Accuracy.of(pairs, acquired_by_opencv(opencv, paths, progress=progress))
    genuine = sum(pair.same for pair in pairs.pairs)
    return Accuracies(
        pictures=len(paths),
        genuine=genuine,
        impostor=len(pairs.pairs) - genuine,
        folds=pairs.folds,
        ours=ours,
        opencv=theirs,
        ours_alone=int(np.count_nonzero(we_are_right & ~they_are_right)),
        opencv_alone=int(np.count_nonzero(they_are_right & ~we_are_right)),
    )


def acquired_by_opencv(
    opencv: OpenCV, paths: list[Path], *, progress: Callable[[int], None] | None = None
) -> Acquisition:
    """Embed the main face of each picture as OpenCV does; see :func:`faceid.evaluate.acquisition.acquire`."""
    tell = Progress("pictures", len(paths)).at if progress is None else progress
    vectors = np.full((len(paths), opencv.DIMENSION), np.nan, dtype=np.float32)
    failures: dict[Path, str] = {}
    for row, path in enumerate(paths):
        try:
            vector = opencv.main(decode(path.read_bytes()))
        except FaceError as error:
            failures[path] = error.code
        except OSError:
            failures[path] = UNREADABLE
        else:
            if vector is None:
                failures[path] = NoFace.code
            else:
                vectors[row] = vector
        tell(row + 1)
    return Acquisition(vectors, {path: row for row, path in enumerate(paths)}, failures)


def _right(comparisons: Comparisons) -> NDArray[np.bool_]:
    """Tell which comparisons come out right at their fold's threshold, bool, shape (n,)."""
    thresholds = np.array(fold_accuracy(comparisons).thresholds)
    fold = np.unique(comparisons.folds, return_inverse=True)[1]
    right: NDArray[np.bool_] = (comparisons.scores >= thresholds[fold]) == comparisons.same
    return right
