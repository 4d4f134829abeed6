"""The gallery of each operator in this process's memory: exact, masked by consent, true to the database.

A request passes the epochs it has read. When consents or templates changed since the gallery was filled, it is brought
up to date before it answers, so a withdrawal anywhere counts from the next look on. Terms of consent (end, venue) are
part of the searched data; a consent that runs out needs no message to stop matching.
"""

import threading
from collections.abc import Iterator, Mapping
from uuid import UUID

from core.epochs import Topic
from faceid.gallery import Gallery
from faceid.match import Entry
from identities import selectors
from identities.faces import contract
from identities.selectors import Term

_CHUNK = 5_000
"""Vectors fetched by one query: about 5 MB on the wire."""


class Index:
    """The galleries of one process, by operator."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[UUID, _Held] = {}

    def gallery(self, operator_id: UUID, versions: Mapping[str, int]) -> Gallery:
        """Return the operator's gallery, at least as new as ``versions`` (no query while nothing changed).

        Args:
            versions: what ``core.epochs.versions`` read in this request.
        """
        contract_id = contract(operator_id).id
        with self._lock:
            held = self._held.get(operator_id)
            if held is None or held.gallery.contract_id != contract_id:
                held = self._held[operator_id] = _Held(operator_id)
        return held.fresh(versions)

    def held(self, operator_id: UUID, versions: Mapping[str, int]) -> frozenset[str]:
        """Return the ids of the templates this process still holds once it is up to date; loads nothing new."""
        with self._lock:
            held = self._held.get(operator_id)
        return frozenset() if held is None else held.fresh(versions).keys()


class _Held:
    """One operator's gallery and what it was made from."""

    def __init__(self, operator_id: UUID) -> None:
        embedding_contract = contract(operator_id)
        self.gallery = Gallery(embedding_contract.id, embedding_contract.dimension)
        self._operator_id = operator_id
        self._lock = threading.Lock()
        self._seen = (-1, -1)
        self._terms: dict[UUID, Term] = {}

    def fresh(self, versions: Mapping[str, int]) -> Gallery:
        """Bring the gallery up to date; threads that come meanwhile wait, for the old one may name who withdrew."""
        wanted = (versions.get(Topic.CONSENT, 0), versions.get(Topic.GALLERY, 0))
        with self._lock:
            if wanted[0] > self._seen[0] or wanted[1] > self._seen[1]:
                self._update()
                self._seen = wanted
        return self.gallery

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


_index = Index()


def gallery(operator_id: UUID, versions: Mapping[str, int]) -> Gallery:
    """Return the operator's gallery of this process, at least as new as ``versions``."""
    return _index.gallery(operator_id, versions)


def held(operator_id: UUID, versions: Mapping[str, int]) -> frozenset[str]:
    """Return the ids of the templates this process holds of an operator, brought up to date first."""
    return _index.held(operator_id, versions)
