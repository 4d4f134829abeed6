"""Rounds over loopback gRPC with venues whose changes are known: what is averaged, what is seen, who may go."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.features import FeatureSpec
from recsys.training.configuration import NetworkConfig
from recsys.training.federated.errors import FederationFailed, VenueRefused

pytestmark = pytest.mark.training

ROUNDING = 1e-4


def _keys(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a pair of keys; answers the private and the public one."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = ec.generate_private_key(ec.SECP384R1())
    own, public = folder / f"{name}.key", folder / f"{name}.pub"
    own.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return own, public


@pytest.mark.parametrize("secure", [True, False])
def test_changes_are_averaged_by_rows(rounds_of: Any, steady: Any, secure: bool) -> None:
    rounds, raised = rounds_of(steady(0.1, 100), steady(0.2, 200), steady(-0.4, 100), secure=secure)

    assert raised == [None, None, None]
    assert rounds.best_round == 1
    table, bias, _ = rounds.best_weights
    np.testing.assert_allclose(table, np.full((40, 25), 0.025), atol=ROUNDING * 10)
    np.testing.assert_allclose(bias, np.full(7, 0.525), atol=ROUNDING * 10)
    assert rounds.reports[1].averaged
    assert rounds.reports[1].bytes_received > 4 * (1_000 + 8)


def test_the_server_sees_only_masked_changes(rounds_of: Any, steady: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue's answer in the third stage is spread evenly over the whole modulus, and no change goes beside it."""
    from recsys.training.federated.averaging import MODULUS
    from recsys.training.federated.grid import StoreGrid

    masked: list[Any] = []
    beside: list[Any] = []
    pull = StoreGrid.pull_messages

    def spy(self: StoreGrid, names: Any) -> Any:
        answers = pull(self, names)
        for answer in (each for each in answers if each.has_content()):
            for record in answer.content.config_records.values():
                masked.extend(value for key, value in record.items() if "masked" in key)
            beside.extend(array for record in answer.content.array_records.values() for array in record.values())
        return answers

    monkeypatch.setattr(StoreGrid, "pull_messages", spy)
    rounds_of(steady(0.1, 100), steady(0.1, 100), steady(0.1, 100))

    assert len(masked) == 3
    assert not beside
    for venue in masked:
        numbers = np.load(io.BytesIO(venue[1]), allow_pickle=False).reshape(-1)  # [0] is the weight
        assert numbers.size == 1_000
        assert np.unique(numbers).size > 990  # they were a thousand equal changes
        assert numbers.std() / MODULUS == pytest.approx(1 / np.sqrt(12), rel=0.08)


def test_a_venue_may_go_in_the_middle_of_a_round(rounds_of: Any, steady: Any) -> None:
    rounds, raised = rounds_of(
        steady(0.1, 100), steady(0.1, 100), steady(0.1, 100), steady(0.9, 100, goes_in=2), rounds=3
    )

    assert [each.averaged for each in rounds.reports] == [False, True, True, True]
    assert [each.venues for each in rounds.reports] == [4, 4, 4, 3]
    assert isinstance(raised[3], VenueRefused)
    np.testing.assert_allclose(rounds.best_weights[0], np.full((40, 25), 0.3 + 0.2), atol=0.01)


def test_too_few_venues_end_a_training(rounds_of: Any, steady: Any) -> None:
    gone = [steady(0.1, 100, goes_in=1) for _ in range(2)]

    with pytest.raises(FederationFailed, match="3 rounds in a row had too few venues"):
        rounds_of(steady(0.1, 100), *gone, rounds=5)


def test_venues_that_do_not_come_are_not_waited_for_forever(address: str) -> None:
    from recsys.training.federated.hub import hub, wait_for
    from recsys.training.federated.settings import Link

    with hub(Link(address)) as grid, pytest.raises(FederationFailed, match=r"0 of 3 venues came within 0\.2 seconds"):
        wait_for(grid, 3, 0.2)


def test_a_server_that_is_not_there_is_named(address: str, steady: Any) -> None:
    from recsys.training.federated.settings import Link
    from recsys.training.federated.venue import take_part

    with pytest.raises(FederationFailed, match=f"the server at {address} cannot be reached"):
        take_part(Link(address), steady(0.1, 100), secure=True, patience=0.5)


def test_an_address_that_is_taken_is_named(address: str) -> None:
    from recsys.training.federated.hub import hub
    from recsys.training.federated.settings import Link

    with (
        hub(Link(address)),
        pytest.raises(FederationFailed, match=f"{address} cannot be listened on"),
        hub(Link(address)),
    ):
        pass


def test_only_venues_whose_keys_are_known_may_take_part(
    address: str, steady: Any, beside: Callable[..., Any], tmp_path: Path
) -> None:
    from recsys.training.federated.hub import dismiss, hub, wait_for
    from recsys.training.federated.settings import Link
    from recsys.training.federated.venue import take_part

    own, public = _keys(tmp_path, "known")
    stranger, _ = _keys(tmp_path, "stranger")

    with hub(Link(address, venue_keys=(public,))) as grid:
        for key in (stranger, None):
            with pytest.raises(FederationFailed, match="turned this venue away"):
                take_part(Link(address, own_key=key), steady(0.1, 100), secure=True, patience=5.0)
        assert grid.get_node_ids() == []
        with beside(lambda: take_part(Link(address, own_key=own), steady(0.1, 1), secure=True, patience=5.0)) as raised:
            assert len(wait_for(grid, 1, 10.0)) == 1
            dismiss(grid)
    assert raised == [None]


def test_a_venue_refuses_a_server_whose_features_differ(
    venue_splits: Any, small_spec: FeatureSpec, network: NetworkConfig
) -> None:
    from recsys.training.federated.local import LocalLearner
    from recsys.training.federated.settings import Federation, Instructions

    federation = Federation(network, 3)
    told = Instructions.read(federation.instructions(1, "another digest"))

    with pytest.raises(VenueRefused, match="their versions differ"):
        LocalLearner(venue_splits[0], small_spec).learn([], told)
    with pytest.raises(VenueRefused, match="the part 'train'"):
        LocalLearner(venue_splits[0], small_spec).measure([], told, "train")
