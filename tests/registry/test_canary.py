from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from registry.canary import takes_part

IDS = st.uuids()
SHARES = st.floats(min_value=0, max_value=1)


@given(screen=IDS, version=IDS, smaller=SHARES, larger=SHARES)
def test_whoever_takes_part_keeps_taking_part_when_the_share_grows(
    screen: UUID, version: UUID, smaller: float, larger: float
) -> None:
    smaller, larger = sorted((smaller, larger))

    assert takes_part(screen, version, larger) >= takes_part(screen, version, smaller)


@given(screen=IDS, version=IDS)
def test_nobody_takes_part_in_nothing_and_everybody_in_all(screen: UUID, version: UUID) -> None:
    assert not takes_part(screen, version, 0.0)
    assert takes_part(screen, version, 1.0)


def test_the_share_is_met_and_another_version_draws_other_screens() -> None:
    screens = [UUID(int=number) for number in range(20_000)]
    first, second = ({s for s in screens if takes_part(s, UUID(int=salt), 0.1)} for salt in (1, 2))

    assert abs(len(first) / len(screens) - 0.1) < 0.01  # five standard deviations
    assert abs(len(first & second) / len(screens) - 0.01) < 0.004
