"""How the venues' changes become the next model: their mean, weighted by rows (McMahan et al. 2017, algorithm 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys.training.federated.flower import FedAvg, SecAggPlusWorkflow, ndarrays_to_parameters, parameters_to_ndarrays
from recsys.training.federated.local import Arrays
from recsys.training.federated.settings import Federation

MOST_ROWS = 100_000.0
"""Weights of venues are shares of this; a venue with more rows counts as one with so many."""
LARGEST_CHANGE = 1.0
"""Changes of a weight in one round beyond this are cut; they are of the order of a hundredth."""
LEVELS, MODULUS = 2**25, 2**32
"""A change is sent in so many levels; 128 venues of them fit below the modulus."""
SHARES_NEEDED = 0.67


class Averaging(FedAvg):  # type: ignore[misc]
    """Adds the mean of the changes to the weights that the round began with.

    Attributes:
        weights: of the model after the last round that succeeded.
        averaged: whether the present round did.
    """

    def __init__(self, weights: Arrays, venues: int) -> None:
        least = max(1, round(SHARES_NEEDED * venues))
        super().__init__(
            fraction_fit=1.0, fraction_evaluate=0.0, min_fit_clients=least, min_available_clients=least,
            initial_parameters=ndarrays_to_parameters(weights),
        )  # fmt: skip
        self.weights = weights
        self.averaged = False
        self.instructions: dict[str, Any] = {}
        self.on_fit_config_fn = lambda _: dict(self.instructions)

    def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> tuple[Any, dict[str, Any]]:
        """Average the changes; without any, or with one that is no number, the weights stay."""
        mean, _ = super().aggregate_fit(server_round, results, failures)
        if mean is None:
            return None, {}
        changes = parameters_to_ndarrays(mean)
        if not all(np.isfinite(change).all() for change in changes):
            return None, {}
        self.weights = [
            (weight + change).astype(np.float32) for weight, change in zip(self.weights, changes, strict=True)
        ]
        self.averaged = True
        return ndarrays_to_parameters(self.weights), {}


def secure_sum(federation: Federation) -> Any:
    """Make the round in which the server reads only the sum of the venues' changes.

    SecAgg+: Bell et al., "Secure Single-Server Aggregation with (Poly)Logarithmic Overhead", CCS 2020. A third of the
    venues may go in the middle of a round.
    """
    return SecAggPlusWorkflow(
        num_shares=1.0,
        reconstruction_threshold=SHARES_NEEDED,
        max_weight=MOST_ROWS,
        clipping_range=LARGEST_CHANGE,
        quantization_range=LEVELS,
        modulus_range=MODULUS,
        timeout=federation.patience,
    )
