"""Scene policies: what a scene of each vertical may show, on what grounds, and what it must never use.

A policy binds before any ranking happens: what it refuses is no candidate. Categories are dotted slugs, and naming a
parent names everything below it. An age gate opens only where the venue itself vouches for its visitors' age (the
scene's ``assured_age``, for instance at the door of a bar); Vitrine never estimates an age.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from types import MappingProxyType

from recsys.features import CONTEXT_WORDS, Context
from recsys.guard import HEALTH as HEALTH_PROXIES
from recsys.guard import ORIGIN, WEALTH, FeaturePolicy
from signage.errors import UnknownPolicy

RECOGNISE, PERSONALISE, LEARN, MEASURE = "recognise", "personalise", "learn", "measure"

HEALTH = frozenset({"health_conditions", "medicines", "weight_loss", "cosmetic_surgery"})
INTIMATE = frozenset({"adult", "dating"})
BELIEFS = frozenset({"politics", "religion"})
ADDICTIVE = frozenset({"alcohol", "tobacco", "cannabis", "gambling"})
RISKY_MONEY = frozenset({"crypto", "payday_loans"})
SENSITIVE_HISTORY = HEALTH | INTIMATE | BELIEFS
"""What somebody engaged with here would tell about their health, sex life or beliefs (GDPR, article 9)."""

PROXIES = frozenset({WEALTH, ORIGIN, HEALTH_PROXIES})
"""Families of features that stand in for wealth, origin or health, see ``recsys.guard.FAMILIES``."""
WITHHELD = frozenset(CONTEXT_WORDS) - {"scene"}
"""Features a scene may deny and models still be trained: the ranker is not told them there, nor is training."""


@dataclass(frozen=True, slots=True)
class ScenePolicy:
    """What a scene may do.

    Attributes:
        key: the vertical.
        title: how people call it.
        summary: one plain sentence for the console and for explanations.
        purposes: purposes of consent the scene may act on.
        allowed_categories: the only categories shown; None allows all that are not denied.
        denied_categories: never shown.
        denied_when_paid: shown as content, never as advertising.
        minimum_ages: pairs of a category and the age its audience must have reached.
        paid_allowed: whether campaigns may play at all.
        refuses_personal_creatives: whether creatives meant for one person are never shown.
        personal_audience_limit: the most people in front of the screen while a personal creative is shown; None leaves
            it to the general rule, that nobody unrecognised stands there.
        never_features: categories of a viewer's history that ranking must not look at in this scene.
        denied_features: features that ranking must not look at in this scene: names, patterns and families, see
            ``recsys.guard.FeaturePolicy``. What is in ``WITHHELD`` is left blank here; anything else that is denied
            fails the training that would use it.
    """

    key: str
    title: str
    summary: str
    purposes: frozenset[str]
    allowed_categories: frozenset[str] | None = None
    denied_categories: frozenset[str] = frozenset()
    denied_when_paid: frozenset[str] = frozenset()
    minimum_ages: tuple[tuple[str, int], ...] = ()
    paid_allowed: bool = True
    refuses_personal_creatives: bool = False
    personal_audience_limit: int | None = None
    never_features: frozenset[str] = SENSITIVE_HISTORY
    denied_features: frozenset[str] = PROXIES

    @property
    def features(self) -> FeaturePolicy:
        """What a feature set may hold for this scene."""
        return _feature_policy(self.denied_features)

    def told(self, context: Context) -> Context:
        """Return what the ranker is told about place and time here: what the scene denies is left blank."""
        blank = _blanked(self.denied_features)
        return Context(**(asdict(context) | dict.fromkeys(blank, ""))) if blank else context

    def allows_purpose(self, purpose: str) -> bool:
        """Return whether the scene may act on consent to this purpose."""
        return purpose in self.purposes

    def allows_personal(self, people: int) -> bool:
        """Return whether a personal creative may be shown to this many people, all of them recognised."""
        within = self.personal_audience_limit is None or people <= self.personal_audience_limit
        return not self.refuses_personal_creatives and PERSONALISE in self.purposes and people >= 1 and within

    def allows_category(self, category: str, *, paid: bool) -> bool:
        """Return whether a creative of this category may be shown, age gates apart."""
        allowed = self.allowed_categories is None or names(self.allowed_categories, category)
        refused = names(self.denied_categories, category) or (paid and names(self.denied_when_paid, category))
        return allowed and not refused and (self.paid_allowed or not paid)

    def minimum_age(self, category: str) -> int:
        """Return the age the audience must have reached for this category, 0 for none."""
        return max((age for gate, age in self.minimum_ages if names(frozenset({gate}), category)), default=0)

    def may_rank_by(self, category: str) -> bool:
        """Return whether ranking may look at engagement with this category."""
        return not names(self.never_features, category)


def names(categories: frozenset[str], category: str) -> bool:
    """Return whether a set of categories holds this one or an ancestor of it."""
    if category in categories:
        return True
    parent = category.rpartition(".")[0]
    return bool(parent) and names(categories, parent)


@cache
def _feature_policy(denied: frozenset[str]) -> FeaturePolicy:
    return FeaturePolicy(denied)


@cache
def _blanked(denied: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in CONTEXT_WORDS if name in WITHHELD and _feature_policy(denied).denies(name))


FINANCE = ScenePolicy(
    key="finance",
    title="Finance",
    summary="Offers of the bank and its partners; what is personal is shown to one person alone.",
    purposes=frozenset({RECOGNISE, PERSONALISE, LEARN, MEASURE}),
    denied_categories=ADDICTIVE | RISKY_MONEY | INTIMATE | BELIEFS | HEALTH | {"weapons"},
    minimum_ages=(("credit", 18), ("investments", 18)),
    personal_audience_limit=1,
    never_features=SENSITIVE_HISTORY | ADDICTIVE | RISKY_MONEY | {"credit"},
    # Which branch somebody stands in tells what its neighbourhood earns, and nobody gets a worse offer for that.
    denied_features=PROXIES | {"screen", "venue"},
)
RETAIL = ScenePolicy(
    key="retail",
    title="Retail",
    summary="Offers and advertising fit for families; alcohol only where the venue vouches for its visitors' age.",
    purposes=frozenset({RECOGNISE, PERSONALISE, LEARN, MEASURE}),
    denied_categories=INTIMATE | {"politics", "weapons", "tobacco", "payday_loans"},
    minimum_ages=(("alcohol", 18), ("gambling", 18), ("cannabis", 21)),
)
HEALTHCARE = ScenePolicy(
    key="healthcare",
    title="Healthcare",
    summary="Waiting rooms: nothing that hints at a condition, nothing personal, and no history of health interests.",
    purposes=frozenset({RECOGNISE, PERSONALISE, MEASURE}),
    denied_categories=HEALTH | ADDICTIVE | RISKY_MONEY | INTIMATE | {"politics", "weapons"},
    refuses_personal_creatives=True,
    never_features=SENSITIVE_HISTORY | ADDICTIVE | {"wellness", "insurance"},
)
SECURITY = ScenePolicy(
    key="security",
    title="Security",
    summary="Entrances and lobbies under access control: information only, no advertising, nobody singled out.",
    purposes=frozenset({MEASURE}),
    allowed_categories=frozenset({"public_information", "safety", "wayfinding", "service", "weather", "news"}),
    paid_allowed=False,
    refuses_personal_creatives=True,
)
ENTERTAINMENT = ScenePolicy(
    key="entertainment",
    title="Entertainment",
    summary="Cinemas, arenas and restaurants: a wide choice, with age gates where the law asks for them.",
    purposes=frozenset({RECOGNISE, PERSONALISE, LEARN, MEASURE}),
    denied_categories=frozenset({"weapons", "tobacco", "payday_loans"}),
    denied_when_paid=frozenset({"politics"}),
    minimum_ages=(("alcohol", 18), ("gambling", 18), ("adult", 18), ("dating", 18), ("cannabis", 21)),
)
EDUCATION = ScenePolicy(
    key="education",
    title="Education",
    summary="Schools and campuses: minors are present, so nobody is personalised and nothing tempting is advertised.",
    purposes=frozenset({MEASURE}),
    denied_categories=ADDICTIVE | RISKY_MONEY | INTIMATE
    | {"weapons", "politics", "weight_loss", "cosmetic_surgery", "credit"},
    refuses_personal_creatives=True,
)  # fmt: skip
SMART_CITY = ScenePolicy(
    key="smart_city",
    title="Smart city",
    summary="Streets, stations and public offices: everybody's space, so no paid politics and nothing personal.",
    purposes=frozenset({RECOGNISE, PERSONALISE, MEASURE}),
    denied_categories=INTIMATE | RISKY_MONEY | {"weapons", "tobacco", "gambling", "cannabis"},
    denied_when_paid=BELIEFS | {"alcohol"},
    minimum_ages=(("alcohol", 18),),
    refuses_personal_creatives=True,
)

POLICIES: Mapping[str, ScenePolicy] = MappingProxyType(
    {
        policy.key: policy
        for policy in (FINANCE, RETAIL, HEALTHCARE, SECURITY, ENTERTAINMENT, EDUCATION, SMART_CITY)
    }
)  # fmt: skip


def denied_in_training(policies: Iterable[ScenePolicy]) -> frozenset[str]:
    """Return what no column of a log may be that models for all these scenes learn from.

    What scenes deny and the ranker can leave blank is left blank in their rows, so it is no reason to refuse the log.
    """
    return frozenset(entry for policy in policies for entry in policy.denied_features) - WITHHELD


def policy(key: str) -> ScenePolicy:
    """Return a scene policy by its key.

    Raises:
        UnknownPolicy: there is none.
    """
    try:
        return POLICIES[key]
    except KeyError:
        raise UnknownPolicy(f"{key[:40]!r} is no scene policy; choose one of {', '.join(POLICIES)}.") from None
