"""Take in what happened on the screens, say who is no audience, import published logs, and forget people."""

from events.services.erasure import forget
from events.services.imports import Interaction, import_interactions
from events.services.ingest import ingest
from events.services.staff import begin_staff, end_staff

__all__ = ["Interaction", "begin_staff", "end_staff", "forget", "import_interactions", "ingest"]
