"""Whole columns of a log, encoded with the very hashes that serving uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.features import (
    CONTEXT_NUMBERS,
    CONTEXT_WORDS,
    DEFAULT_SPEC,
    HISTORIES,
    ITEM_WORDS,
    FeatureSpec,
    Feeds,
    Ids,
)
from recsys.hashing import identifier

WORDS = ("viewer", *ITEM_WORDS, *CONTEXT_WORDS)
NUMBERS = CONTEXT_NUMBERS


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words.

    Attributes:
        vocabulary: the distinct words, length D.
        codes: places in the vocabulary, int32, shape (rows,); -1 is the absent word.
    """

    vocabulary: tuple[str, ...]
    codes: Ids

    @classmethod
    def of(cls, words: Sequence[str | None]) -> Words:
        """Take a column apart into its vocabulary and codes."""
        places: dict[str, int] = {}
        codes = [-1 if word is None else places.setdefault(word, len(places)) for word in words]
        return cls(tuple(places), np.array(codes, dtype=np.int32))

    def take(self, rows: NDArray[np.intp]) -> Words:
        """Select rows, keeping the vocabulary."""
        return Words(self.vocabulary, self.codes[rows])

    def ids(self, field: str, size: int) -> Ids:
        """Hash each distinct word once and spread the ids over the rows; int32, shape (rows,), 0 if absent."""
        table = np.fromiter((identifier(field, word, size) for word in (*self.vocabulary, None)), dtype=np.int32)
        return table[self.codes]


@dataclass(frozen=True, slots=True)
class WordLists:
    """A column of lists of words: row i holds the words from offsets[i] up to offsets[i + 1], newest first."""

    words: Words
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, lists: Sequence[Sequence[str]]) -> WordLists:
        """Join lists into one column of words."""
        offsets = np.concatenate(([0], np.cumsum([len(words) for words in lists], dtype=np.int64)))
        return cls(Words.of([word for words in lists for word in words]), offsets)

    def lengths(self, longest: int) -> Ids:
        """Count the words of each row, at most ``longest``; int32, shape (rows,)."""
        return np.minimum(np.diff(self.offsets), longest).astype(np.int32)

    def ids(self, field: str, size: int, longest: int) -> Ids:
        """Hash and pad behind with 0; int32, shape (rows, longest)."""
        flat = self.words.ids(field, size)
        lengths = self.lengths(longest)
        padded = np.zeros((len(lengths), longest), dtype=np.int32)
        filled = np.arange(longest)[None, :] < lengths[:, None]
        padded[filled] = flat[(self.offsets[:-1, None] + np.arange(longest)[None, :])[filled]]
        return padded


def encode_columns(
    words: Mapping[str, Words],
    numbers: Mapping[str, NDArray[np.integer]],
    histories: Mapping[str, WordLists],
    spec: FeatureSpec = DEFAULT_SPEC,
) -> Feeds:
    """Encode the columns of a log, one example a row.

    Args:
        words: columns named by `WORDS`; the viewer is absent when anonymous, the advertiser for content.
        numbers: columns named by `NUMBERS`, shape (rows,).
        histories: columns named by `HISTORIES`, newest first.

    Returns:
        For each feature int32 ids, shape (rows, length of the feature), equal to what `features.encode` gives for the
        same viewer, candidate and context.
    """
    sizes, longest = spec.sizes, spec.history_length
    columns = {name: words[name].ids(name, sizes[name]) for name in WORDS}
    columns |= {name: _clip(name, numbers[name], sizes[name]) for name in NUMBERS}
    columns["history_length"] = histories["history_creative"].lengths(longest)
    feeds = {name: columns[name].reshape(-1, 1) for name in spec.singles}
    return feeds | {name: histories[name].ids(HISTORIES[name], sizes[name], longest) for name in spec.histories}


def _clip(name: str, values: NDArray[np.integer], size: int) -> Ids:
    clipped = values % size if name in ("hour", "weekday") else np.clip(values, 0, size - 1)
    return clipped.astype(np.int32)
