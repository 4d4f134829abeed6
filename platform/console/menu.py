"""The console's main menu, and the frame every console page is rendered in."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.membership import EVERYONE, PRIVACY, member_of
from accounts.roles import Role


class Entry(NamedTuple):
    """One entry of the menu: its page, title, icon and who sees it."""

    name: str
    title: str
    icon: str
    roles: frozenset[Role] = EVERYONE


MENU = (
    Entry("overview", "Overview", "layout-dashboard"),
    Entry("screens", "Screens", "device-tv"),
    Entry("campaigns", "Campaigns", "speakerphone"),
    Entry("creatives", "Creatives", "photo"),
    Entry("subjects", "Subjects", "users", PRIVACY),
    Entry("models", "Models", "chart-dots"),
    Entry("budget", "Privacy budget", "shield-lock", PRIVACY),
)


def page(
    request: HttpRequest, template: str, current: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a console page with the menu entry ``current`` marked; entries for other roles are left out."""
    member = member_of(request)
    menu = [
        {
            "title": entry.title, "icon": entry.icon, "url": reverse(f"console:{entry.name}"),
            "current": entry.name == current,
        }
        for entry in MENU
        if member.role in entry.roles
    ]  # fmt: skip
    return render(request, template, {"menu": menu, "member": member} | context, status=status)
