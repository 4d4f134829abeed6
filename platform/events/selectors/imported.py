"""Examples from published logs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import catalog.selectors
import signage.selectors
from decisions.clock import local_time
from events.labels import UNKNOWN
from events.models import ImportedInteraction
from events.selectors.histories import CHUNK, Past


def imported_examples(*, operator_id: UUID, until: datetime) -> Iterator[dict[str, Any]]:
    """Yield one example for each imported interaction before ``until``, in order of time.

    A person's history holds what the log says they engaged with at earlier instants. Category, advertiser and venue
    are those of the catalogue that the log was mapped onto, since the log knows none.
    """
    items = {creative.id: creative for creative in catalog.selectors.creatives(operator_id=operator_id)}
    screens = {screen.id: screen for screen in signage.selectors.screens(operator_id=operator_id)}
    past: dict[tuple[str, str], Past] = {}
    rows = ImportedInteraction.objects.filter(operator_id=operator_id, at__lt=until).order_by(
        "at", "source", "sequence"
    )
    for row in rows.iterator(CHUNK):
        creative = items[row.creative_id]
        screen = screens[row.screen_id] if row.screen_id else None
        person = past.setdefault((row.source, row.person), Past()) if row.person else Past()
        local = local_time(row.at, screen.venue.timezone) if screen else row.at.astimezone(UTC)
        behaviours = person.before(row.at)
        yield {
            "example_id": row.public_id,
            "at": row.at,
            "viewer": f"{row.source}:{row.person}" if row.person else None,
            "creative": creative.public_id,
            "category": creative.category,
            "advertiser": creative.campaign.advertiser.public_id if creative.campaign else None,
            "screen": screen.public_id if screen else "",
            "venue": screen.venue.public_id if screen else "",
            "venue_category": screen.venue.category if screen else "",
            "scene": row.scene,
            "hour": local.hour,
            "weekday": local.weekday(),
            "position": row.position,
            "party": 1,
            "propensity": row.propensity,
            "history_creatives": [key for key, _ in behaviours],
            "history_categories": [category for _, category in behaviours],
            "label": int(row.label),
            "source": row.source,
            **UNKNOWN,
        }
        if row.label:
            person.pending.append((creative.public_id, creative.category))
