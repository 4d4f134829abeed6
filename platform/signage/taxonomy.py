"""The kinds of venues Vitrine knows: the OpenOOH venue taxonomy, and which vertical each belongs to.

Slugs are dotted words, parent first, like the string values of the standard; the numbers are its enumeration ids, which
never change (OpenOOH venue taxonomy 1.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from signage.errors import UnknownVenueCategory


@dataclass(frozen=True, slots=True)
class VenueCategory:
    """One kind of venue.

    Attributes:
        slug: dotted words, for instance ``retail.grocery``.
        number: enumeration id of the standard.
        title: how people call it.
        policy: key of the scene policy its scenes begin with.
    """

    slug: str
    number: int
    title: str
    policy: str


# Parent: number, title, policy of the vertical, children. A child names a policy only where it differs.
_TABLE: tuple[tuple[str, int, str, str, tuple[tuple[str, int, str] | tuple[str, int, str, str], ...]], ...] = (
    ("transit", 1, "Transit", "smart_city", (
        ("airports", 101, "Airport"), ("buses", 102, "Bus"), ("taxi_rideshare_tv", 103, "Taxi and rideshare TV"),
        ("subway", 105, "Subway"), ("train_stations", 106, "Train and train station"), ("ferry", 107, "Ferry"),
        ("tram", 108, "Tram"), ("highway_rest_area", 109, "Highway rest area", "retail"),
    )),
    ("retail", 2, "Retail", "retail", (
        ("gas_stations", 201, "Fueling station"), ("convenience_stores", 202, "Convenience store"),
        ("grocery", 203, "Grocery"), ("liquor_stores", 204, "Liquor store"), ("malls", 205, "Mall"),
        ("dispensaries", 206, "Cannabis dispensary"), ("pharmacies", 207, "Pharmacy", "healthcare"),
        ("parking_garages", 208, "Parking garage"), ("sporting_goods", 217, "Sporting goods"),
        ("pet_stores", 218, "Pet store"), ("office_supply", 219, "Office supply"),
        ("home_renovation", 220, "Home renovation"),
    )),
    ("outdoor", 3, "Outdoor", "smart_city", (
        ("billboards", 301, "Billboard"), ("urban_panels", 302, "Urban panel"), ("bus_shelters", 303, "Bus shelter"),
        ("window_panels", 305, "Window panel"), ("ev_charging_stations", 309, "EV charging station"),
    )),
    ("health_and_beauty", 4, "Health and beauty", "retail", (
        ("gyms", 401, "Gym"), ("salons", 402, "Salon"), ("spas", 403, "Spa"),
    )),
    ("point_of_care", 5, "Point of care", "healthcare", (
        ("doctors_offices", 501, "Doctor's office"), ("veterinary_offices", 502, "Veterinary office"),
        ("dentist_offices", 503, "Dentist's office"), ("hospitals", 504, "Hospital"),
        ("urgent_care", 505, "Urgent care"), ("physiotherapy", 506, "Physiotherapy"),
    )),
    ("education", 6, "Education", "education", (
        ("schools", 601, "School"), ("colleges", 602, "College and university"),
    )),
    ("office_buildings", 7, "Office building", "security", (
        ("office_buildings", 701, "Office building"), ("warehouses", 702, "Warehouse"),
    )),
    ("entertainment", 8, "Leisure and entertainment", "entertainment", (
        ("recreational", 801, "Recreational location"), ("movie_theaters", 802, "Movie theater"),
        ("sports", 803, "Sports entertainment"), ("bars", 804, "Bar"), ("casual_dining", 805, "Casual dining"),
        ("qsr", 806, "Quick service restaurant"), ("hotels", 807, "Hotel"), ("golf_carts", 808, "Golf cart"),
        ("night_clubs", 809, "Night club"), ("casinos", 811, "Casino"),
        ("convention_centers", 812, "Convention center"),
    )),
    ("government", 9, "Government", "smart_city", (
        ("dmvs", 901, "Vehicle and licence office"), ("military_bases", 902, "Military base", "security"),
        ("post_offices", 903, "Post office"),
    )),
    ("financial", 10, "Financial", "finance", (("banks", 1001, "Bank"),)),
    ("residential", 11, "Residential", "smart_city", (("apartment_buildings", 1101, "Apartment building"),)),
)  # fmt: skip


def _categories() -> Mapping[str, VenueCategory]:
    found: dict[str, VenueCategory] = {}
    for slug, number, title, policy, children in _TABLE:
        found[slug] = VenueCategory(slug, number, title, policy)
        for name, child_number, child_title, *own in children:
            child = f"{slug}.{name}"
            found[child] = VenueCategory(child, child_number, child_title, own[0] if own else policy)
    return MappingProxyType(found)


VENUE_CATEGORIES = _categories()


def venue_category(slug: str) -> VenueCategory:
    """Return the venue category called ``slug``.

    Raises:
        UnknownVenueCategory: the taxonomy has no such category.
    """
    try:
        return VENUE_CATEGORIES[slug]
    except KeyError:
        known = ", ".join(sorted(found for found in VENUE_CATEGORIES if "." not in found))
        raise UnknownVenueCategory(
            f"{slug[:60]!r} is no OpenOOH venue category; use one below {known}, like retail.grocery."
        ) from None
