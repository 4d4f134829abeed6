"""The gallery of each operator in this process's memory: exact, masked by consent, true to the database.

A request passes the epochs it has read. When consents or templates changed since the gallery was filled, it is brought
up to date before it answers, so a withdrawal anywhere counts from the next look on. Terms of consent (end, venue) are
part of the searched data; a consent that runs out needs no message to stop matching.
"""

import threading
from collections.abc import Iterator, Mapping
from uuid import UUID

from core.epochs import Topic
from faceid.contract import EmbeddingContract
from faceid.gallery import Gallery
from faceid.match import Entry
from identities import selectors
from identities.faces import spaces
from identities.selectors import Term

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
        known = {one.id for one in searched}
        with self._lock:
            mine = self._held[operator_id] = {
                name: held for name, held in self._held.get(operator_id, {}).items() if name in known
            }
            held = mine.setdefault(space.id, _Held(operator_id, space.contract))
        return held.fresh(versions)

    def held(self, operator_id: UUID, versions: Mapping[str, int]) -> frozenset[str]:
        """Return the ids of the templates this process still holds once it is up to date; loads nothing new."""
        with self._lock:
            mine = list(self._held.get(operator_id, {}).values())
        return frozenset().union(*(held.fresh(versions).keys() for held in mine))

    def is_behind(self, operator_id: UUID, versions: Mapping[str, int]) -> bool:
        """Return whether the next gallery will be filled from the database first, by a later look than ``versions``."""
        with self._lock:
            mine = list(self._held.get(operator_id, {}).values())
        return not mine or any(held.is_behind(versions) for held in mine)


class _Held:
    """One operator's gallery and what it was made from."""

    def __init__(self, operator_id: UUID, contract: EmbeddingContract) -> None:
        self.gallery = Gallery(contract.id, contract.dimension)
        self._operator_id = operator_id
        self._lock = threading.Lock()
        self._seen = (-1, -1)
        self._terms: dict[UUID, Term] = {}

    def fresh(self, versions: Mapping[str, int]) -> Gallery:
        """Bring the gallery up to date; threads that come meanwhile wait, for the old one may name who withdrew."""
        wanted = _wanted(versions)
        with self._lock:
            if self.is_behind(versions):
                self._update()
                self._seen = wanted
        return self.gallery

    def is_behind(self, versions: Mapping[str, int]) -> bool:
        """Return whether anything changed since the gallery was filled."""
        wanted = _wanted(versions)
        return wanted[0] > self._seen[0] or wanted[1] > self._seen[1]

    def _update(self) -> None:
        """Drop what may no longer match first, then fetch the vectors of what is new or has new terms."""
        terms = selectors.terms(operator_id=self._operator_id, contract=self.gallery.contract_id)
        for template_id in self._terms.keys() - terms.keys():
            self.gallery.remove(str(template_id))
        changed = [template_id for template_id, term in terms.items() if self._terms.get(template_id) != term]
        if len(changed) > len(terms) // 2:
            self.gallery.replace(self._entries(list(terms), terms))
        else:
            for entry in self._entries(changed, terms):
                self.gallery.put(entry)
        self._terms = terms

    def _entries(self, template_ids: list[UUID], terms: Mapping[UUID, Term]) -> Iterator[Entry]:
        for begin in range(0, len(template_ids), _CHUNK):
            chunk = template_ids[begin : begin + _CHUNK]
            for template_id, vector in selectors.vectors(operator_id=self._operator_id, template_ids=chunk).items():
                term = terms[template_id]
                venues = None if term.venue_id is None else frozenset({str(term.venue_id)})
                yield Entry(str(template_id), str(term.subject_id), vector, term.expires_at, venues)


def _wanted(versions: Mapping[str, int]) -> tuple[int, int]:
    return versions.get(Topic.CONSENT, 0), versions.get(Topic.GALLERY, 0)


_index = Index()


def gallery(operator_id: UUID, versions: Mapping[str, int], contract_id: str | None = None) -> Gallery:
    """Return a gallery of the operator in this process, at least as new as ``versions``; see ``Index.gallery``."""
    return _index.gallery(operator_id, versions, contract_id)


def is_behind(operator_id: UUID, versions: Mapping[str, int]) -> bool:
    """Return whether this process's galleries of an operator are older than ``versions``."""
    return _index.is_behind(operator_id, versions)


def held(operator_id: UUID, versions: Mapping[str, int]) -> frozenset[str]:
    """Return the ids of the templates this process holds of an operator, brought up to date first."""
    return _index.held(operator_id, versions)
