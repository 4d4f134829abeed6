"""Open Bandit Dataset: fashion items recommended at three positions, as placements on a retail venue's screens."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from events.services import Interaction
from training.logs.catalogue import Item, LogUnusable, Place, rows_of, spread
from training.logs.table import BadLine, Faults, Fields, Layout, number_of, records, time_of, whole_of, word_of

T = TypeVar("T")

FOLDERS = (Path("obp", "dataset", "obd"), Path("dataset", "obd"), Path("obd"), Path())
"""Where the log may lie: in the unpacked package, or in a folder that holds the policies."""
CAMPAIGNS = ("all", "men", "women")
CAMPAIGN = "all"
POLICIES = ("random", "bts")
FAMILY, VENUES = "fashion", "retail"
ITEM_COLUMNS = ("item_id",)
PLACEMENT_COLUMNS = ("timestamp", "item_id", "position", "click", "propensity_score")
NOTICE = (
    "Open Bandit Dataset: recommendations and clicks of the fashion shop ZOZOTOWN, published by ZOZO, Inc. Cite: Yuta"
    " Saito, Shunsuke Aihara, Megumi Matsutani and Yusuke Narita, Open Bandit Dataset and Pipeline: Towards Realistic"
    " and Reproducible Off-Policy Evaluation, arXiv:2008.07146, 2020. The small-sized data are read from the package"
    " obp (Apache-2.0 licence), which names no other licence for them; nothing of them is part of Vitrine."
)


@dataclass(frozen=True, slots=True)
class Placement:
    """One item that was shown.

    Attributes:
        position: 0 is the leftmost of three.
        propensity: probability with which the policy showed this item there.
    """

    sequence: int
    item: str
    position: int
    click: bool
    propensity: float
    at: datetime


def source_of(policy: str, campaign: str = CAMPAIGN) -> str:
    """Return the name under which the log of a policy is kept."""
    return f"open-bandit/{policy}/{campaign}"


def read_items(source: Path, policy: str, campaign: str = CAMPAIGN) -> list[str]:
    """Read the keys of the campaign's items.

    Raises:
        LogUnusable: the file is not there.
    """
    return [row["item_id"] for row in rows_of(_file(source, policy, campaign, "item_context.csv"), ITEM_COLUMNS)]


def read_placements(
    source: Path, policy: str, then: Callable[[Placement], T], *, campaign: str = CAMPAIGN, faults: Faults | None = None
) -> Iterator[T]:
    """Read the log of one policy in the order of the file.

    Args:
        then: makes something of each placement.

    Raises:
        LogUnusable: the file is not there, or cannot be read.
    """

    def parse(number: int, row: Fields) -> T:
        return then(
            Placement(
                sequence=number, item=word_of(row, "item_id"), position=whole_of(row, "position", low=1, high=1000) - 1,
                click=bool(whole_of(row, "click", low=0, high=1)), propensity=_propensity(row),
                at=time_of(row, "timestamp"),
            )
        )  # fmt: skip

    path = _file(source, policy, campaign, f"{campaign}.csv")
    noted = faults or Faults(path.name)
    yield from records(path, parse, layout=Layout(","), needed=PLACEMENT_COLUMNS, faults=noted)


def interactions(
    source: Path,
    policy: str,
    creatives: Sequence[Item],
    screens: Sequence[Place],
    *,
    campaign: str = CAMPAIGN,
    faults: Faults | None = None,
) -> Iterator[Interaction]:
    """Map the placements of one policy onto creatives; the log names no person.

    Several items become one creative, so the creative's propensity is the sum over its items. The uniform policy
    ``random`` shows each equally often, which makes that a multiplication. The log of ``bts`` knows only the
    propensity of the item that was shown: it is the creative's where no other item became the same one, and unknown
    elsewhere.

    Raises:
        LogUnusable: the log is not there, or cannot be read.
    """
    name = source_of(policy, campaign)
    keys = read_items(source, policy, campaign)
    creative_of = {item: spread(f"open-bandit {campaign} {item}", creatives) for item in keys}
    merged = Counter(creative.id for creative in creative_of.values())

    def interaction(placement: Placement) -> Interaction:
        if placement.item not in creative_of:
            raise BadLine(f"item_id is {placement.item!r}, which item_context.csv does not list")
        creative = creative_of[placement.item]
        place = spread(f"{name} {placement.sequence}", screens) if screens else None
        exact = policy == "random" or merged[creative.id] == 1
        return Interaction(
            sequence=placement.sequence, creative_id=creative.id, at=placement.at, label=placement.click,
            position=placement.position, screen_id=place.screen_id if place else None,
            scene=place.scene if place else "",
            propensity=min(placement.propensity * merged[creative.id], 1.0) if exact else None,
        )  # fmt: skip

    yield from read_placements(source, policy, interaction, campaign=campaign, faults=faults)


def _propensity(row: Fields) -> float:
    value = number_of(row, "propensity_score", low=0, high=1)
    if value == 0:
        raise BadLine("propensity_score is 0, but the item was shown")
    return value


def _file(source: Path, policy: str, campaign: str, name: str) -> Path:
    found = [source / folder / policy / campaign / name for folder in FOLDERS]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise LogUnusable(
            f"{source} holds no {policy}/{campaign}/{name}: expected the unpacked package obp (`make carriers` fetches"
            " it) or a folder of the Open Bandit Dataset."
        )
    return path
