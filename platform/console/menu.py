"""The console's main menu, and the page frame every console page is rendered in."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.membership import member_of

MENU = (
    ("overview", "Overview", "layout-dashboard"),
    ("screens", "Screens", "device-tv"),
    ("campaigns", "Campaigns", "speakerphone"),
    ("creatives", "Creatives", "photo"),
    ("subjects", "Subjects", "users"),
    ("models", "Models", "chart-dots"),
)


def page(request: HttpRequest, template: str, current: str, context: dict[str, Any]) -> HttpResponse:
    """Render a console page with the menu entry ``current`` marked."""
    menu = [
        {"title": title, "icon": icon, "url": reverse(f"console:{name}"), "current": name == current}
        for name, title, icon in MENU
    ]
    return render(request, template, {"menu": menu, "member": member_of(request)} | context)
