"""Who sees which page, and what every page says to the browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Operator
from accounts.roles import Role
from accounts.services import User

SignedIn = Callable[..., Client]
EVERYONE = set(Role)
PRIVACY = {Role.OWNER, Role.PRIVACY_OFFICER}
EDITORS = {Role.OWNER, Role.EDITOR}
ANALYSTS = {Role.OWNER, Role.ANALYST}
REVIEWERS = {Role.OWNER, Role.REVIEWER}

PAGES = {
    "/": EVERYONE,
    "/overview/numbers": EVERYONE,
    "/overview/entries": EVERYONE,
    "/screens": EVERYONE,
    "/screens/table": EVERYONE,
    "/campaigns": EVERYONE,
    "/creatives": EVERYONE,
    "/creatives/new": EDITORS,
    "/subjects": PRIVACY,
    "/subjects/{subject}": PRIVACY,
    "/models": EVERYONE,
    "/models/runs": EVERYONE,
}
DEEDS = {
    "/screens/pairings": EDITORS,
    "/campaigns/{campaign}/state/active": EDITORS,
    "/creatives/new": EDITORS,
    "/creatives/{creative}/approval": REVIEWERS,
    "/creatives/{creative}/rejection": REVIEWERS,
    "/subjects/enrolment/attended": PRIVACY,
    "/subjects/minors/apparent_minor_is_anonymous": PRIVACY,
    "/subjects/{subject}/receipt": PRIVACY,
    "/subjects/{subject}/staff": PRIVACY,
    "/subjects/{subject}/withdrawal": PRIVACY,
    "/subjects/{subject}/erasure": PRIVACY,
    "/models/training": ANALYSTS,
    "/models/rollback": ANALYSTS,
}


def address(path: str, staged: dict[str, Any]) -> str:
    """Return a page's path with the staged things' ids."""
    return path.format(**{name: getattr(thing, "public_id", "") for name, thing in staged.items()})


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_renders_for_its_roles_and_is_refused_to_others(
    path: str, role: Role, signed_in: SignedIn, staged: dict[str, Any]
) -> None:
    response = signed_in(role).get(address(path, staged))

    assert response.status_code == (200 if role in PAGES[path] else 403)


@pytest.mark.parametrize("path", DEEDS)
def test_a_deed_is_refused_to_other_roles_and_nothing_changes(
    path: str, signed_in: SignedIn, staged: dict[str, Any], actions: Callable[[], list[str]]
) -> None:
    before = actions()

    statuses = {role: signed_in(role).post(address(path, staged)).status_code for role in set(Role) - DEEDS[path]}

    assert set(statuses.values()) == {403}
    assert actions() == before


@pytest.mark.parametrize("path", [*PAGES, *DEEDS])
def test_nobody_gets_in_without_signing_in(path: str, client: Client, staged: dict[str, Any]) -> None:
    where = address(path, staged)

    response = client.post(where) if path in DEEDS else client.get(where)

    assert response.status_code == 302
    assert response["Location"] == f"/sign-in?next={where}"


@pytest.mark.parametrize("path", [path for path in DEEDS if path != "/creatives/new"])
def test_looking_at_the_address_of_a_deed_does_nothing(path: str, owner: Client, staged: dict[str, Any]) -> None:
    assert owner.get(address(path, staged)).status_code == 405


def test_every_deed_demands_a_csrf_token(
    owner: Client, staged: dict[str, Any], actions: Callable[[], list[str]]
) -> None:
    before = actions()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies

    statuses = {path: strict.post(address(path, staged)).status_code for path in DEEDS}

    assert statuses == dict.fromkeys(DEEDS, 403)
    assert actions() == before


@pytest.mark.parametrize("path", [path for path in DEEDS if "{" in path])
def test_what_another_operator_owns_does_not_exist(
    path: str,
    owner: Client,
    other_operator: Operator,
    stage: Callable[[Operator], dict[str, Any]],
    actions: Callable[[], list[str]],
) -> None:
    foreign = stage(other_operator)
    before = actions()

    assert owner.post(address(path, foreign)).status_code == 404
    assert actions() == before


def test_another_operators_subject_cannot_be_read(
    owner: Client, other_operator: Operator, stage: Callable[[Operator], dict[str, Any]]
) -> None:
    foreign = stage(other_operator)

    assert owner.get(f"/subjects/{foreign['subject'].public_id}").status_code == 404


@pytest.mark.parametrize("path", ["/screens", "/campaigns", "/creatives", "/subjects"])
def test_a_list_shows_nothing_of_another_operator(
    path: str, owner: Client, other_operator: Operator, stage: Callable[[Operator], dict[str, Any]]
) -> None:
    foreign = stage(other_operator)

    page = owner.get(path).content.decode()

    for name in ("Arcade", "Autumn coats", "Rain has no chance", foreign["subject"].pseudonym):
        assert name not in page


@pytest.mark.parametrize("path", ["/subjects/sub_0", "/subjects/scr_01jd000000000000000000000a", "/subjects?cursor=no"])
def test_an_address_that_is_cut_or_made_up_does_not_exist(path: str, owner: Client) -> None:
    assert owner.get(path).status_code == 404


def test_a_user_without_an_operator_is_told_so(db: None, client: Client) -> None:
    client.force_login(User.objects.create_user("lost@example.org", "a long password"))

    response = client.get("/")

    assert response.status_code == 403
    assert "not a member of any operator" in response.content.decode()


def test_the_menu_leaves_out_what_a_role_may_not_see(signed_in: SignedIn) -> None:
    viewer = signed_in(Role.VIEWER).get("/").content.decode()
    officer = signed_in(Role.PRIVACY_OFFICER).get("/").content.decode()

    assert 'href="/subjects"' not in viewer
    assert 'href="/subjects"' in officer


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/player/", "/kiosk/", "/receipt/vtr_none"])
def test_pages_may_load_from_their_own_origin_only_and_run_no_inline_script(
    path: str, db: None, client: Client
) -> None:
    policy = client.get(path)["Content-Security-Policy"].split("; ")

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("path", "camera"), [("/player/", "camera=(self)"), ("/kiosk/", "camera=(self)"), ("/sign-in", "camera=()")]
)
def test_only_the_pages_that_need_the_camera_may_use_it(path: str, camera: str, db: None, client: Client) -> None:
    assert client.get(path)["Permissions-Policy"].startswith(f"{camera},")


def test_the_api_answers_without_page_headers(db: None, client: Client) -> None:
    assert "Content-Security-Policy" not in client.get("/v1/venues")


@pytest.mark.parametrize("path", [path for path, roles in PAGES.items() if Role.OWNER in roles])
def test_no_page_has_inline_scripts_styles_or_handlers(path: str, owner: Client, staged: dict[str, Any]) -> None:
    page = owner.get(address(path, staged)).content.decode()

    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page
    assert "<script>" not in page
