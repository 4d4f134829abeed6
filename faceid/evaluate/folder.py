"""Reading folders of pictures as people have them: one folder per person, or pictures side by side."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faceid.evaluate.errors import FolderRefused

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".heif", ".jfif"})
"""What is taken for a picture. Some of these are refused when decoded, and then counted, not overlooked."""

_NUMBERED = re.compile(r"^(?P<name>.+?)[ _-]*(?P<number>\d+)$")


@dataclass(frozen=True, slots=True)
class Picture:
    """One file.

    Attributes:
        path: where it is.
        name: its path below the folder, with forward slashes; how reports and label files call it.
        person: name of the person's folder.
    """

    path: Path
    name: str
    person: str


def pictures(root: Path) -> list[Path]:
    """List all pictures below a folder in natural order (2 before 10); hidden files and folders are left out.

    Raises:
        FolderRefused: there is no such folder, or no picture in it.
    """
    if not root.is_dir():
        raise FolderRefused(
            f"{root} is not a folder." if root.exists() else f"There is no folder {root}.",
            expected="a folder of pictures.",
            remedy="Check the path.",
        )
    found = [path for path in root.rglob("*") if _is_picture(path.relative_to(root)) and path.is_file()]
    if not found:
        raise FolderRefused(
            f"There is no picture in {root}.",
            expected=f"files that end in {', '.join(sorted(SUFFIXES))}.",
            remedy="Check the path, or convert the pictures to JPEG or PNG.",
        )
    return sorted(found, key=lambda path: natural(path.relative_to(root).as_posix()))


def people(root: Path) -> list[Picture]:
    """List the pictures of a folder that holds one folder per person; deeper folders belong to the same person.

    Where the folder holds nothing but one other folder, that one is read instead, as unpacked archives often need.

    Raises:
        FolderRefused: there are no pictures, or none lies in a person's folder, or all lie in one.
    """
    found = pictures(root)
    inside = [path for path in found if len(path.relative_to(root).parts) > 1]
    tops = {path.relative_to(root).parts[0] for path in inside}
    if len(tops) == 1 and len(inside) == len(found):
        within = root / tops.pop()
        if not any(path.parent == within for path in found):
            return people(within)
    if len({path.relative_to(root).parts[0] for path in inside}) < 2:
        raise FolderRefused(
            f"{root} holds {len(found)} pictures, but not one folder per person.",
            expected="one folder per person, at least two, each named after the person, with that person's pictures.",
            remedy="Move each person's pictures into a folder of their own.",
        )
    return [_picture(root, path) for path in inside]


def loose(root: Path) -> list[Path]:
    """List the pictures that lie beside the folders of people instead of in one, and so belong to nobody."""
    return [path for path in pictures(root) if path.parent == root]


def strangers(root: Path) -> list[Picture]:
    """List pictures of people who are not enrolled: one folder per person, or each picture somebody else.

    Raises:
        FolderRefused: there are no pictures.
    """
    return [_picture(root, path) for path in pictures(root)]


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Make a key that sorts ``a2`` before ``a10``."""
    return tuple(
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    )


class Numbered:
    """Finds pictures by person and number, as LFW's ``pairs.txt`` names them."""

    def __init__(self, root: Path) -> None:
        """Index all pictures below ``root``: ``Name/Name_0001.jpg``, ``Name/1.png`` or ``Name_0001.jpg``.

        Raises:
            FolderRefused: there are no pictures.
        """
        self._root = root
        self._found: dict[tuple[str, int], Path] = {}
        for path in pictures(root):
            numbered = _NUMBERED.match(path.stem)
            if numbered:
                self._found.setdefault((numbered["name"], int(numbered["number"])), path)
            if path.parent != root and (number := re.search(r"(\d+)$", path.stem)):
                self._found.setdefault((path.parent.name, int(number[1])), path)

    def picture(self, person: str, number: int) -> Picture | None:
        """Return the picture of ``person`` with ``number``, or None."""
        path = self._found.get((person, number))
        return None if path is None else Picture(path, path.relative_to(self._root).as_posix(), person)


def _is_picture(relative: Path) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in relative.parts)
    return relative.suffix.lower() in SUFFIXES and not hidden


def _picture(root: Path, path: Path) -> Picture:
    relative = path.relative_to(root)
    person = relative.parts[0] if len(relative.parts) > 1 else relative.as_posix()
    return Picture(path, relative.as_posix(), person)


def names(chosen: Iterable[Picture]) -> dict[str, int]:
    """Give each person a code, 0 and up, in the order of first appearance."""
    codes: dict[str, int] = {}
    for one in chosen:
        codes.setdefault(one.person, len(codes))
    return codes
