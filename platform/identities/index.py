"""The gallery of each operator in this process's memory: exact, masked by consent, true to the database.

A request passes the epochs it has read. When consents or templates changed since the gallery was filled, it is brought
up to date before it answers, so a withdrawal anywhere counts from the next look on. Terms of consent (end, venue) are
part of the searched data; a consent that runs out needs no message to stop matching.

A large gallery is a snapshot that the processes of a machine share (``identities.snapshots``), stamped with the epochs
it was read at, and the few templates that came since. Whichever process first learns of a withdrawal overwrites the
template in the snapshot, for all of them.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from core.epochs import Topic
from faceid.contract import EmbeddingContract
from faceid.gallery import PACK_FROM, Gallery, is_due
from faceid.match import Entry, SearchEngine
from faceid.search.columns import EVERYWHERE, NOWHERE, Columns
from faceid.search.snapshot import Snapshot
from identities import selectors, snapshots
from identities.faces import read, spaces
from identities.hnsw_engine import database_engine

_CHUNK = 5_000
"""Vectors fetched by one query: about 5 MB on the wire."""


class Index:
    """The galleries of one process, by operator."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[UUID, dict[str, _Held]] = {}

    def gallery(self, operator_id: UUID, versions: Mapping[str, int], contract_id: str | None = None) -> Gallery:
        """Return the operator's gallery, at least as new as ``versions`` (no query while nothing changed).

        Args:
            versions: what ``core.epochs.versions`` read in this request.
            contract_id: which of the contracts the operator searches; None for the active one.
        """
        searched = spaces(operator_id, versions)
        space = searched.named(contract_id) if contract_id else searched.active
        known = frozenset(one.id for one in searched)
        with self._lock:
            if known != self._held.get(operator_id, {}).keys():
                snapshots.forget(operator_id, keep=known)
            mine = self._held[operator_id] = {
                name: held for name, held in self._held.get(operator_id, {}).items() if name in known
            }
            held = mine.setdefault(space.id, _Held(operator_id, space.contract))
        return held.fresh(versions)

    def engine(self, operator_id: UUID, versions: Mapping[str, int], contract_id: str | None = None) -> SearchEngine:
        """Return what searches the gallery: the gallery itself, or the database where it is beyond memory.

        Args:
            versions, contract_id: see :meth:`gallery`.
        """
        limit = settings.GALLERY_IN_MEMORY
        if limit:
            searched = spaces(operator_id, versions)
            space = searched.named(contract_id) if contract_id else searched.active
            if selectors.count_under(operator_id=operator_id, contract=space.id, limit=limit + 1) > limit:
                return database_engine(operator_id, space.id, space.contract.dimension)
        return self.gallery(operator_id, versions, contract_id)

    def held(self, operator_id: UUID, versions: Mapping[str, int]) -> frozenset[str]:
        """Return the ids of the templates that this process, or the memory it shares with others, still holds.

        What the current transaction does not see any more is dropped first, if anything changed.
        """
        with self._lock:
            mine = dict(self._held.get(operator_id, {}))
        if snapshots.contracts(operator_id) - mine.keys():
            for space in read(operator_id):
                mine.setdefault(space.id, _Held(operator_id, space.contract))
            snapshots.forget(operator_id, keep=frozenset(mine))
        return frozenset().union(*(held.rid(versions) for held in mine.values()))

    def is_behind(self, operator_id: UUID, versions: Mapping[str, int]) -> bool:
        """Return whether the next gallery will be filled from the database first, by a later look than ``versions``."""
        with self._lock:
            mine = list(self._held.get(operator_id, {}).values())
        return not mine or any(held.is_behind(versions) for held in mine)


class _Held:
    """One operator's gallery in this process and how far it has read."""

    def __init__(self, operator_id: UUID, contract: EmbeddingContract) -> None:
        self.gallery = Gallery(contract.id, contract.dimension, packs=False)
        self._operator_id = operator_id
        self._lock = threading.Lock()
        self._seen = (-1, -1)
        self._filled = False

    def fresh(self, versions: Mapping[str, int]) -> Gallery:
        """Bring the gallery up to date; threads that come meanwhile wait, for the old one may name who withdrew."""
        wanted = _wanted(versions)
        with self._lock:
            if self.is_behind(versions):
                self._update(wanted)
                self._seen, self._filled = wanted, True
        return self.gallery

    def rid(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Drop what the current transaction does not see any more; return the ids of the templates that are left.

        A gallery that was never searched stays as empty as it was, but for what other processes share of it.
        What the transaction did may still be undone, so the next look reads everything again, and nothing is published.
        """
        with self._lock:
            if self.is_behind(versions):
                gallery, terms = self._newest(), self._read()
                changed = self._drop(gallery, terms)
                for entry in self._entries(terms, changed) if self._filled else ():
                    gallery.put(entry)
                self.gallery, self._seen = gallery, (-1, -1)
            return self.gallery.keys()

    def is_behind(self, versions: Mapping[str, int]) -> bool:
        """Return whether anything changed since the gallery was filled."""
        wanted = _wanted(versions)
        return wanted[0] > self._seen[0] or wanted[1] > self._seen[1]

    def _update(self, wanted: tuple[int, int]) -> None:
        """Drop what may no longer match first, then fetch the vectors of what is new or has new terms."""
        gallery = self._newest()
        if not _is_exact(gallery, wanted):
            terms = self._read()
            changed = self._drop(gallery, terms)
            if len(changed) >= PACK_FROM:
                gallery = self._loaded(wanted)
            elif len(changed) > len(terms) // 2:
                gallery.replace(self._columns(terms))
            else:
                for entry in self._entries(terms, changed):
                    gallery.put(entry)
            self._share(gallery, wanted)
        self.gallery = gallery

    def _newest(self) -> Gallery:
        """Return the gallery held, or another one of what a process published since; nobody searches that yet."""
        snapshot = snapshots.newest(self._operator_id, self.gallery.contract_id, self.gallery.snapshot)
        return self.gallery if snapshot is None or snapshot.header.stamp < self._seen else self._of(snapshot)

    def _of(self, content: Snapshot | Columns) -> Gallery:
        gallery = Gallery(self.gallery.contract_id, self.gallery.dimension, packs=False)
        if isinstance(content, Snapshot):
            gallery.adopt(content)
        else:
            gallery.replace(content)
        return gallery

    def _read(self) -> Columns:
        return selectors.term_columns(operator_id=self._operator_id, contract=self.gallery.contract_id)

    def _drop(self, gallery: Gallery, terms: Columns) -> NDArray[np.intp]:
        """Remove what is not among the terms; return the rows of the terms that are new or changed."""
        stale, changed = differences(gallery.terms(), terms)
        for key in stale:
            gallery.remove(key)
        return changed

    def _loaded(self, wanted: tuple[int, int]) -> Gallery:
        """Return a large gallery, filled by one process for all: the others wait, and map what it wrote."""
        with snapshots.writing(self._operator_id, self.gallery.contract_id, wait=True) as mine:
            gallery = self._newest()
            if _is_exact(gallery, wanted):
                return gallery
            columns = self._columns(self._read())
            published = snapshots.publish(self._operator_id, gallery.contract_id, columns, wanted) if mine else None
            return self._of(published or columns)

    def _share(self, gallery: Gallery, wanted: tuple[int, int]) -> None:
        """Write a new snapshot once enough has come since the last one, unless another process does."""
        snapshot = gallery.snapshot
        if is_due(gallery.loose, 0 if snapshot is None else snapshot.header.rows):
            with snapshots.writing(self._operator_id, gallery.contract_id, wait=False) as mine:
                columns = gallery.columns()
                if mine and (made := snapshots.publish(self._operator_id, gallery.contract_id, columns, wanted)):
                    gallery.adopt(made)
                elif snapshots.folder() is None or mine:
                    gallery.pack()  # nowhere to share it; if another process writes, that one is taken next time

    def _entries(self, terms: Columns, rows: NDArray[np.intp]) -> Iterator[Entry]:
        for begin in range(0, len(rows), _CHUNK):
            chunk = [(int(row), UUID(terms.keys[row].decode())) for row in rows[begin : begin + _CHUNK]]
            vectors = selectors.vectors(operator_id=self._operator_id, template_ids=[key for _, key in chunk])
            for row, key in chunk:
                if key in vectors:  # or it was deleted since the terms were read
                    yield replace(terms.entry(row), vector=vectors[key])

    def _columns(self, terms: Columns) -> Columns:
        """Return terms with their vectors; rows deleted since they were read are left out."""
        matrix = np.zeros((len(terms), self.gallery.dimension), dtype=np.float32)
        found = np.zeros(len(terms), dtype=bool)
        for begin in range(0, len(terms), _CHUNK):
            keys = [UUID(key.decode()) for key in terms.keys[begin : begin + _CHUNK].tolist()]
            vectors = selectors.vectors(operator_id=self._operator_id, template_ids=keys)
            for row, key in enumerate(keys, begin):
                if key in vectors:
                    matrix[row], found[row] = vectors[key], True
        return Columns(
            terms.keys[found], terms.subjects[found], matrix[found], terms.valid_until[found], terms.areas[found],
            terms.venue_sets,
        )  # fmt: skip


def differences(held: Columns, wanted: Columns) -> tuple[list[str], NDArray[np.intp]]:
    """Compare what is held with what should be.

    Returns:
        The keys that are held but not wanted, and the rows of ``wanted`` that are missing or held with other terms.
    """
    if not len(held):
        return [], np.arange(len(wanted))
    order = np.argsort(held.keys)
    places = order[np.minimum(np.searchsorted(held.keys, wanted.keys, sorter=order), len(held) - 1)]
    known = held.keys[places] == wanted.keys
    # One name for each set of venues, whatever its number is on either side.
    names = {venues: number for number, venues in enumerate(dict.fromkeys((*held.venue_sets, *wanted.venue_sets)))}
    mine = np.array([*(names[venues] for venues in held.venue_sets), NOWHERE, EVERYWHERE])[held.areas]
    theirs = np.array([*(names[venues] for venues in wanted.venue_sets), NOWHERE, EVERYWHERE])[wanted.areas]
    same = (
        known & (held.subjects[places] == wanted.subjects) & (mine[places] == theirs)
        & (held.valid_until[places] == wanted.valid_until)
    )  # fmt: skip
    stale = np.ones(len(held), dtype=bool)
    stale[places[known]] = False
    return [key.decode() for key in held.keys[stale].tolist()], np.flatnonzero(~same)


def _is_exact(gallery: Gallery, wanted: tuple[int, int]) -> bool:
    """Return whether a gallery is a snapshot of exactly these epochs and nothing else."""
    snapshot = gallery.snapshot
    return snapshot is not None and snapshot.header.stamp == wanted and not gallery.loose


def _wanted(versions: Mapping[str, int]) -> tuple[int, int]:
    return versions.get(Topic.CONSENT, 0), versions.get(Topic.GALLERY, 0)


_index = Index()


def gallery(operator_id: UUID, versions: Mapping[str, int], contract_id: str | None = None) -> Gallery:
    """Return a gallery of the operator in this process, at least as new as ``versions``; see ``Index.gallery``."""
    return _index.gallery(operator_id, versions, contract_id)


def engine(operator_id: UUID, versions: Mapping[str, int], contract_id: str | None = None) -> SearchEngine:
    """Return what searches a gallery of the operator; see ``Index.engine``."""
    return _index.engine(operator_id, versions, contract_id)


def is_behind(operator_id: UUID, versions: Mapping[str, int]) -> bool:
    """Return whether this process's galleries of an operator are older than ``versions``."""
    return _index.is_behind(operator_id, versions)


def held(operator_id: UUID, versions: Mapping[str, int]) -> frozenset[str]:
    """Return the ids of the templates that memory holds of an operator; see ``Index.held``."""
    return _index.held(operator_id, versions)
