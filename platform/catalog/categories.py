"""What creatives are about: a closed list of parents, so that a policy which refuses gambling refuses all of it.

A creative's category is one of the parents or a dotted slug below one, for instance ``movies.drama``; what follows the
dot is free. Parents follow the first tier of the IAB content taxonomy in plain words.
"""

import re

from catalog.errors import UnknownCategory

ORDINARY = frozenset({
    "arts", "automotive", "banking", "beauty", "books", "business", "careers", "charity", "children", "community",
    "drinks", "education", "electronics", "energy", "entertainment", "environment", "events", "family", "fashion",
    "food", "games", "gifts", "groceries", "hobbies", "home", "household", "insurance", "jewellery", "movies",
    "music", "news", "offers", "pets", "property", "public_information", "restaurants", "safety", "science",
    "service", "shopping", "sports", "technology", "telecom", "television", "toys", "transport", "travel",
    "wayfinding", "weather", "wellness",
})  # fmt: skip
SENSITIVE = frozenset({
    "adult", "alcohol", "cannabis", "cosmetic_surgery", "credit", "crypto", "dating", "gambling", "health_conditions",
    "investments", "medicines", "payday_loans", "politics", "religion", "tobacco", "weapons", "weight_loss",
})  # fmt: skip
"""Parents some policy refuses or gates; their creatives deserve a second look before approval."""
PARENTS = ORDINARY | SENSITIVE
_SLUG = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
LONGEST = 60


def check_category(slug: str) -> str:
    """Return ``slug`` when it is a category.

    Raises:
        UnknownCategory: its parent is not on the list, or it is no dotted slug.
    """
    if len(slug) > LONGEST or not _SLUG.fullmatch(slug) or slug.split(".")[0] not in PARENTS:
        raise UnknownCategory(
            f"{slug[:LONGEST]!r} is no category. Use one of these, or a dotted slug below one, like movies.drama:"
            f" {', '.join(sorted(PARENTS))}."
        )
    return slug


def lineage(slug: str) -> tuple[str, ...]:
    """Return a dotted slug and all its ancestors: ``a.b.c``, ``a.b``, ``a``."""
    words = slug.split(".")
    return tuple(".".join(words[:count]) for count in range(len(words), 0, -1))
