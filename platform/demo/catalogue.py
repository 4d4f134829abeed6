"""What the demonstration operator shows: a cinema and a fashion store, their advertisers, campaigns and creatives.

Everything here is invented. Film categories are MovieLens genres and fashion categories stand for the items of the
Open Bandit Dataset, so that real logs can be mapped onto this catalogue.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scene:
    """A situation at a venue."""

    key: str
    name: str
    policy: str
    slots: int


@dataclass(frozen=True, slots=True)
class Venue:
    """A place with its screens (name, default scene) and scenes."""

    name: str
    category: str
    timezone: str
    screens: tuple[tuple[str, str], ...]
    scenes: tuple[Scene, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """One creative: what it says, what it is about and who pays (None: content of the house)."""

    title: str
    line: str
    category: str
    advertiser: str | None
    personal: bool = False


CINEMA = Venue(
    "Aurora Cinema",
    "entertainment.movie_theaters",
    "Europe/Amsterdam",
    (("Lobby wall", "lobby"), ("Box office queue", "queue")),
    (Scene("lobby", "Lobby", "entertainment", 1), Scene("queue", "Box office queue", "entertainment", 3)),
)
STORE = Venue(
    "Harbour Street Fashion",
    "retail.malls",
    "Europe/Amsterdam",
    (("Entrance", "entrance"), ("Fitting rooms", "fitting")),
    (Scene("entrance", "Entrance", "retail", 1), Scene("fitting", "Fitting rooms", "retail", 2)),
)
VENUES = (CINEMA, STORE)

_NORTHLIGHT, _MERIDIAN, _LANTERN = "Northlight Pictures", "Meridian Studios", "Lantern Distribution"
_FJORD, _MOREL, _KESTREL = "Fjord Footwear", "Atelier Morel", "Kestrel & Daughters"
VENUE_OF_ADVERTISER = dict.fromkeys((_NORTHLIGHT, _MERIDIAN, _LANTERN), "entertainment") | dict.fromkeys(
    (_FJORD, _MOREL, _KESTREL), "retail"
)

FILMS = (
    Work("The Ninth Signal", "They answered. We should not have called.", "movies.sci_fi", _NORTHLIGHT),
    Work("Orbit of Small Things", "A love letter from low gravity.", "movies.sci_fi", _MERIDIAN),
    Work("Paper Tigers", "The heist was the easy part.", "movies.crime", _NORTHLIGHT),
    Work("Cold Harbour", "Every lighthouse keeps a secret.", "movies.mystery", _LANTERN),
    Work("Last Train to Ostend", "Two strangers, one compartment.", "movies.romance", _MERIDIAN),
    Work("Saffron Summer", "Some recipes take a lifetime.", "movies.romance", _LANTERN),
    Work("House of Salt", "Three sisters. One inheritance.", "movies.drama", _LANTERN),
    Work("The Cartographer", "He drew the world and lost his way.", "movies.drama", _NORTHLIGHT),
    Work("A Quiet Verdict", "Twelve hours to decide.", "movies.drama", _MERIDIAN),
    Work("Weekend at the Consul's", "Diplomacy has never been this rude.", "movies.comedy", _MERIDIAN),
    Work("My Cousin the Minister", "Vote early, laugh often.", "movies.comedy", _NORTHLIGHT),
    Work("Two Left Shoes", "They cannot dance. They will anyway.", "movies.comedy", _LANTERN),
    Work("Redline", "No brakes. No map. No mercy.", "movies.action", _NORTHLIGHT),
    Work("Iron Tide", "Hold the line until dawn.", "movies.action", _MERIDIAN),
    Work("The Glass Stair", "Do not look down. Do not look back.", "movies.thriller", _LANTERN),
    Work("Nobody Calls at Midnight", "Pick up.", "movies.thriller", _NORTHLIGHT),
    Work("River of Gold", "The jungle keeps what it takes.", "movies.adventure", _MERIDIAN),
    Work("Beyond the Ice", "Ninety days. One compass.", "movies.adventure", _LANTERN),
    Work("Pim and the Paper Whale", "A very small hero in a very big sea.", "movies.childrens", None),
    Work("The Fox Who Fixed Clocks", "For everyone who is ever late.", "movies.animation", _MERIDIAN),
    Work("Kites", "Hand drawn. Twelve years in the making.", "movies.animation", None),
    Work("The Lantern Keepers", "Where the old songs open doors.", "movies.fantasy", _LANTERN),
    Work("Hollow Wood", "It was here before the village.", "movies.horror", _NORTHLIGHT),
    Work("Brass and Silk", "The band that would not stop.", "movies.musical", _MERIDIAN),
    Work("Letters from Ypres", "What the soldiers wrote home.", "movies.war", None),
    Work("Dust and Thunder", "One town. One sheriff. One day.", "movies.western", _LANTERN),
    Work("Grey Hat Avenue", "The city lies in black and white.", "movies.noir", None),
    Work("Deep Field", "Ten years with the telescope builders.", "movies.documentary", None),
)

FASHION = (
    Work("Winter soles", "Waterproof, repairable, warm.", "fashion.shoes", _FJORD),
    Work("City runners", "Made for wet cobbles.", "fashion.shoes", _FJORD),
    Work("The long coat", "Wool from one valley.", "fashion.coats", _MOREL),
    Work("Rain has no chance", "The waxed parka.", "fashion.coats", _KESTREL),
    Work("Evening, in green", "Dresses cut by hand.", "fashion.dresses", _MOREL),
    Work("Tea at four", "Linen dresses, made to last.", "fashion.dresses", _KESTREL),
    Work("The white shirt", "Seven fits. One of them is yours.", "fashion.shirts", _MOREL),
    Work("Flannel season", "Soft on day one.", "fashion.shirts", _KESTREL),
    Work("Straight leg", "Organic denim, repaired for free.", "fashion.trousers", _KESTREL),
    Work("Pleats", "Tailored trousers, ready today.", "fashion.trousers", _MOREL),
    Work("Fisherman's knit", "Four kilometres of yarn.", "fashion.knitwear", _KESTREL),
    Work("Merino, finely", "Light enough for spring.", "fashion.knitwear", _MOREL),
    Work("Carry on", "Bags for bicycles.", "fashion.bags", _FJORD),
    Work("The small bag", "Room for what matters.", "fashion.bags", _MOREL),
    Work("Scarves by the metre", "Choose a colour, leave warm.", "fashion.accessories", None),
    Work("Hats off", "The autumn felt collection.", "fashion.accessories", _KESTREL),
)

HOUSE = (
    Work("Welcome", "Doors open at ten. Wheelchair entrance on your left.", "service", None),
    Work("Step-free route", "Lifts are next to the stairs on every floor.", "service", None),
    Work("Quiet hour", "Sundays ten to eleven: soft light, no music.", "service", None),
    Work("Public transport", "Trams 2 and 12 leave every six minutes.", "public_information", None),
    Work("Your choice", "This screen recognises only people who asked it to.", "public_information", None),
    Work("Member evening", "Thursday at eight, just for members.", "offers.members", None, personal=True),
)

WORKS = FILMS + FASHION + HOUSE

OPERATOR_NAME = "Aurora & Harbour (demonstration)"
OPERATOR_SLUG = "demo"
MEMBER_EMAIL = "demo@vitrine.example"
NOTICE_TITLE = "This screen can know you, if you want it to"
NOTICE_TEXT = (
    "If you agree, a camera at this venue's screens recognises your face so that they can show what suits you. "
    "A protected number pattern made from one picture of your face is kept; the picture itself is not. "
    "You choose each purpose separately and may withdraw at any time with your receipt; a code works as well. "
    "Whoever does not take part stays anonymous and gets the same screens."
)  # fmt: skip
