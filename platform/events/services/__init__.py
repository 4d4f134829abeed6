"""Take in what happened on the screens, import published logs, and forget people."""

from events.services.erasure import forget
from events.services.imports import Interaction, import_interactions
from events.services.ingest import ingest

__all__ = ["Interaction", "forget", "import_interactions", "ingest"]
