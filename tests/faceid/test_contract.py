import dataclasses

import pytest

from faceid.contract import EmbeddingContract
from faceid.errors import ContractMismatch

CONTRACT = EmbeddingContract("ab" * 32, "arcface112-rgb255-l2-v1", 128, "orthonormal-1:0123456789abcdef")


def test_the_id_never_changes_for_the_same_contract():
    assert CONTRACT.id == "emb_a0ae84929501b154"


@pytest.mark.parametrize(
    "change",
    [{"recogniser": "cd" * 32}, {"preprocessing": "v2"}, {"dimension": 512}, {"protection": "none"}],
)
def test_any_difference_makes_another_contract(change: dict[str, object]):
    other = dataclasses.replace(CONTRACT, **change)

    assert other.id != CONTRACT.id
    with pytest.raises(ContractMismatch, match=f"Expected: contract {CONTRACT.id}") as refusal:
        CONTRACT.require(other.id)
    assert refusal.value.code == "contract_mismatch"


def test_its_own_id_is_accepted():
    CONTRACT.require(dataclasses.replace(CONTRACT).id)
