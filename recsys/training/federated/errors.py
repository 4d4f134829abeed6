"""Why a federated training ends without a model."""

from __future__ import annotations

from recsys.training.errors import TrainingRefused


class FederationFailed(TrainingRefused):
    """Venues did not come, or too many of them went."""

    code = "federation_failed"


class VenueRefused(TrainingRefused):
    """A venue cannot take part in what the server asks for."""

    code = "venue_refused"
