"""Open Bandit Dataset: fashion items recommended at three positions, as placements on a retail venue's screens."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from events.services import Interaction
from training.logs.catalogue import Item, Place, at, below, rows_of, spread

FOLDER = Path("obp", "dataset", "obd")
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


def source_of(policy: str) -> str:
    """Return the name under which the log of a policy is kept."""
    return f"open-bandit/{policy}/{CAMPAIGN}"


def read_items(source: Path, policy: str) -> list[str]:
    """Read the keys of the campaign's items.

    Raises:
        LogUnusable: the file is not there.
    """
    return [row["item_id"] for row in rows_of(_folder(source, policy) / "item_context.csv", ITEM_COLUMNS)]


def read_placements(source: Path, policy: str) -> Iterator[Placement]:
    """Read the log of one policy in the order of the file.

    Raises:
        LogUnusable: the file is not there.
    """
    rows = rows_of(_folder(source, policy) / f"{CAMPAIGN}.csv", PLACEMENT_COLUMNS)
    for sequence, row in enumerate(rows, start=1):
        yield Placement(
            sequence, row["item_id"], int(row["position"]) - 1, row["click"] == "1", float(row["propensity_score"]),
            datetime.fromisoformat(row["timestamp"]),
        )  # fmt: skip


def interactions(source: Path, policy: str, items: Sequence[Item], places: Sequence[Place]) -> Iterator[Interaction]:
    """Map the placements of one policy onto the fashion creatives; the log names no person.

    Several items become one creative, so the creative's propensity is the sum over its items. The uniform policy
    ``random`` shows each equally often, which makes that a multiplication. The log of ``bts`` knows only the
    propensity of the item that was shown, so there the creative's is unknown.

    Raises:
        LogUnusable: the log, the creatives or the screens are not there.
    """
    creatives, screens = below(items, FAMILY), at(places, VENUES)
    creative_of = {item: spread(f"open-bandit {CAMPAIGN} {item}", creatives) for item in read_items(source, policy)}
    merged = Counter(creative.id for creative in creative_of.values())
    for placement in read_placements(source, policy):
        creative = creative_of[placement.item]
        place = spread(f"{source_of(policy)} {placement.sequence}", screens)
        yield Interaction(
            sequence=placement.sequence, creative_id=creative.id, at=placement.at, label=placement.click,
            position=placement.position, screen_id=place.screen_id, scene=place.scene,
            propensity=placement.propensity * merged[creative.id] if policy == "random" else None,
        )  # fmt: skip


def _folder(source: Path, policy: str) -> Path:
    return source / FOLDER / policy / CAMPAIGN
