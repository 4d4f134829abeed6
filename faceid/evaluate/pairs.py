"""Reading which pictures to compare: LFW's ``pairs.txt``, or a table of two files and a label."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faceid.evaluate.errors import LabelsRefused
from faceid.evaluate.folder import Numbered, Picture

FOLDS = 10
"""Folds made where the file has none."""

_YES = frozenset({"1", "true", "yes", "same", "y", "t", "genuine", "match"})
_NO = frozenset({"0", "false", "no", "different", "n", "f", "impostor", "nonmatch", "-1"})
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison: two pictures, whether they show one person, and the fold it belongs to."""

    first: Picture
    second: Picture
    same: bool
    fold: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """All comparisons of a file.

    Attributes:
        pairs: the comparisons.
        folds: number of folds.
        own_folds: whether the file said them; else comparisons were dealt out in turn, and one person may be in
            several folds.
        missing: comparisons left out because a picture is not there.
    """

    pairs: tuple[Pair, ...]
    folds: int
    own_folds: bool
    missing: int


def read(path: Path, images: Path, *, skip_missing: bool = False) -> Pairs:
    """Read a file of pairs.

    Two formats are told apart by themselves. LFW's: a first line with the number of folds and of pairs of each kind
    per fold (or the latter alone), then ``name number number`` for one person and ``name number name number`` for two,
    separated by tabs or blanks. A table: comma, semicolon or tab separated with the header ``a,b,same`` and, if
    wanted, ``fold``; files are named relative to ``images``.

    Args:
        path: the file.
        images: folder of the pictures.
        skip_missing: leave out comparisons whose pictures are not there, instead of refusing.

    Raises:
        LabelsRefused: the file is unreadable, a line makes no sense, or pictures are missing.
        FolderRefused: ``images`` is no folder of pictures.
    """
    lines = _text(path).splitlines()
    header = lines[0].split() if lines else []
    if header and len(header) <= 2 and all(part.isdecimal() for part in header):
        rows, folds = _lfw(path, lines, Numbered(images)), int(header[0]) if len(header) == 2 else 1
        own = len(header) == 2 and folds > 1
    else:
        rows = _table(path, lines, images)
        named = {fold for _, _, _, fold in rows if fold is not None}
        folds, own = len(named), len(named) > 1
    return _checked(path, rows, folds, own, skip_missing)


_Row = tuple[Picture | str, Picture | str, bool, int | None]


def _lfw(path: Path, lines: list[str], numbered: Numbered) -> list[_Row]:
    header = [int(part) for part in lines[0].split()]
    size = 2 * header[-1]
    rows: list[_Row] = []
    for number, line in enumerate(lines[1:], 2):
        parts = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            continue
        fold = len(rows) // size if size else 0
        try:
            if len(parts) == 3:
                name, one, two = parts
                rows.append((*_pictures(numbered, (name, one), (name, two)), True, fold))
            else:
                name, one, other, two = parts
                rows.append((*_pictures(numbered, (name, one), (other, two)), False, fold))
        except ValueError:
            raise _refused(path, number, line, "`name number number` or `name number name number`") from None
    expected = (header[0] if len(header) == 2 else 1) * size
    if len(rows) != expected:
        raise LabelsRefused(
            f"{path} has {len(rows)} pairs.",
            expected=f"{expected}, as its first line says.",
            remedy="The file may have been cut off; take a complete one, or correct its first line.",
        )
    return rows


def _pictures(
    numbered: Numbered, first: tuple[str, str], second: tuple[str, str]
) -> tuple[Picture | str, Picture | str]:
    one, two = (numbered.picture(name.strip(), int(number)) or f"{name} {number}" for name, number in (first, second))
    return one, two


def _table(path: Path, lines: list[str], images: Path) -> list[_Row]:
    separator = max(",;\t", key=(lines[0] if lines else "").count)
    reader = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=separator)
    fields = {(field or "").strip().lower(): field for field in reader.fieldnames or ()}
    if not {"a", "b", "same"} <= fields.keys():
        raise LabelsRefused(
            f"{path} begins with {(lines[0] if lines else '')[:60]!r}.",
            expected="LFW's pairs.txt (two numbers), or a table with the header a,b,same.",
            remedy="Add the header line.",
        )
    rows: list[_Row] = []
    folds: dict[str, int] = {}
    for number, row in enumerate(reader, 2):
        said = (row[fields["same"]] or "").strip().lower()
        if said not in _YES | _NO:
            raise _refused(path, number, said, "1 or 0 in the column `same`")
        one, two = (_named(images, (row[fields[side]] or "").strip()) for side in ("a", "b"))
        fold = (row[fields["fold"]] or "").strip() if "fold" in fields else ""
        rows.append((one, two, said in _YES, folds.setdefault(fold, len(folds)) if fold else None))
    return rows


def _named(images: Path, name: str) -> Picture | str:
    path = images / name
    if not name or not path.is_file():
        return name
    parts = Path(name).parts
    return Picture(path, Path(name).as_posix(), parts[0] if len(parts) > 1 else name)


def _checked(path: Path, rows: list[_Row], folds: int, own: bool, skip_missing: bool) -> Pairs:
    missing = [one for row in rows for one in row[:2] if isinstance(one, str)]
    if missing and not skip_missing:
        different = list(dict.fromkeys(missing))
        shown = ", ".join(different[:_SHOWN]) + (" …" if len(different) > _SHOWN else "")
        raise LabelsRefused(
            f"{len(different)} pictures that {path} names are not there: {shown}.",
            expected="every picture named, below the folder of pictures.",
            remedy="Check the folder, or pass --skip-missing to leave these pairs out.",
        )
    found = [row for row in rows if isinstance(row[0], Picture) and isinstance(row[1], Picture)]
    kept = tuple(_dealt(found, own))
    if not any(pair.same for pair in kept) or all(pair.same for pair in kept):
        raise LabelsRefused(
            f"{path} leaves {len(kept)} pairs, not of both kinds.",
            expected="pairs of one person and pairs of two people.",
            remedy="Add the missing kind.",
        )
    return Pairs(_joined(kept), max(pair.fold for pair in kept) + 1 if not own else folds, own, len(rows) - len(found))


def _dealt(rows: Iterable[_Row], own: bool) -> Iterable[Pair]:
    turn = {True: 0, False: 0}
    for first, second, same, fold in rows:
        assert isinstance(first, Picture)
        assert isinstance(second, Picture)
        yield Pair(first, second, same, fold or 0 if own else turn[same] % FOLDS)
        turn[same] += 1


def _joined(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Give pictures that a genuine pair connects one person, also where no folder says so."""
    leader: dict[str, str] = {}

    def lead(person: str) -> str:
        while (above := leader.get(person, person)) != person:
            leader[person] = leader.get(above, above)
            person = above
        return person

    for pair in pairs:
        if pair.same:
            leader[lead(pair.second.person)] = lead(pair.first.person)

    def known(one: Picture) -> Picture:
        return Picture(one.path, one.name, lead(one.person))

    return tuple(Pair(known(pair.first), known(pair.second), pair.same, pair.fold) for pair in pairs)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LabelsRefused(
            f"{path} cannot be read ({type(error).__name__}).",
            expected="a text file in UTF-8.",
            remedy="Check the path and the encoding.",
        ) from error


def _refused(path: Path, number: int, line: str, expected: str) -> LabelsRefused:
    return LabelsRefused(
        f"Line {number} of {path} says {line[:60]!r}.", expected=expected + ".", remedy="Correct the line."
    )
