"""Progress for somebody who waits at a terminal; lines alone where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from recsys.benchmark.models.model import Say


@contextmanager
def bar(of: int, unit: str) -> Iterator[tuple[Say, Say]]:
    """Show a bar on the error stream of a terminal.

    Yields:
        Two functions: the first writes a sentence above the bar, the second also moves it by one.
    """
    with tqdm(total=of, unit=unit, disable=None, file=sys.stderr, leave=False) as shown:

        def say(sentence: str) -> None:
            tqdm.write(sentence, file=sys.stderr)
            sys.stderr.flush()

        def step(sentence: str) -> None:
            say(sentence)
            shown.update()

        yield say, step
