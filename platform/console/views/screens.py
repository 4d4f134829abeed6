"""Screens: what they show, who drives them, and pairing by code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

import catalog.selectors
import events.selectors
import signage.selectors
import signage.services
from accounts.membership import EDITORS, member_of
from catalog.services import media_url
from console.doors import actor_of, member_page, operator_of, telling
from console.forms import PairingForm
from console.menu import page
from console.views.overview import ONLINE
from events.selectors import NowPlaying
from signage.policies import POLICIES
from signage.selectors import ScreenState

FRESH = timedelta(minutes=1)
"""Players report a play when it is over, and a slate at a time: one so recent has just given way to the next."""


@dataclass(frozen=True, slots=True)
class Row:
    """One screen of the table.

    Attributes:
        playing: what it showed last.
        fresh: whether that was just now.
    """

    state: ScreenState
    online: bool
    playing: NowPlaying | None
    fresh: bool
    thumbnail: str


@member_page()
def screens(request: HttpRequest) -> HttpResponse:
    """List screens by venue, with their scenes, and offer pairing."""
    operator_id = operator_of(request)
    rows = _rows(operator_id, timezone.now())
    form = PairingForm(_choices(row.state for row in rows), initial={"code": request.GET.get("code", "")})
    return _page(request, rows, form)


@member_page()
def table(request: HttpRequest) -> HttpResponse:
    """Show the screens by venue again, for a page that is open."""
    member = member_of(request)
    context = {"venues": _by_venue(_rows(member.operator_id, timezone.now())), "may_pair": member.role in EDITORS}
    return render(request, "console/parts/screens.html", context)


@require_POST
@member_page(EDITORS)
def pair(request: HttpRequest) -> HttpResponse:
    """Make the device that shows a code drive a screen."""
    operator_id = operator_of(request)
    rows = _rows(operator_id, timezone.now())
    form = PairingForm(_choices(row.state for row in rows), request.POST)
    if form.is_valid():
        with telling(request):
            player = signage.services.claim(
                operator_id=operator_id, code=form.cleaned_data["code"], screen_id=UUID(form.cleaned_data["screen"]),
                name=form.cleaned_data["name"], actor=actor_of(request), at=timezone.now(),
            )  # fmt: skip
            messages.success(request, f"Paired: {player.name} now drives {player.screen.name}.")
            return redirect("console:screens")
    return _page(request, rows, form, status=422)


@require_POST
@member_page(EDITORS)
def unpair(request: HttpRequest, player: UUID) -> HttpResponse:
    """Take a player off its screen."""
    operator_id = operator_of(request)
    signage.selectors.get_player(operator_id=operator_id, player_id=player)
    with telling(request):
        done = signage.services.unpair(
            operator_id=operator_id, player_id=player, actor=actor_of(request), at=timezone.now()
        )  # fmt: skip
        messages.success(request, f"{done.name} is unpaired. Its token no longer works; it shows a new code.")
    return redirect("console:screens")


def _page(request: HttpRequest, rows: list[Row], form: PairingForm, *, status: int = 200) -> HttpResponse:
    member = member_of(request)
    context = {
        "venues": _by_venue(rows),
        "form": form,
        "scenes": _scenes(member.operator_id),
        "may_pair": member.role in EDITORS,
    }
    return page(request, "console/screens.html", "screens", context, status=status)


def _rows(operator_id: UUID, at: datetime) -> list[Row]:
    states = signage.selectors.screen_states(operator_id=operator_id)
    playing = events.selectors.now_playing(operator_id=operator_id, at=at)
    shown = {item.creative_id for item in playing.values()}
    media = dict(
        catalog.selectors.creatives(operator_id=operator_id).filter(id__in=shown).values_list("id", "media__sha256")
    )
    return [_row(state, playing.get(state.screen.id), media, at) for state in states]


def _row(state: ScreenState, playing: NowPlaying | None, media: Mapping[UUID, str | None], at: datetime) -> Row:
    sha256 = media.get(playing.creative_id) if playing else None
    online = state.last_seen_at is not None and at - state.last_seen_at < ONLINE
    fresh = playing is not None and at - playing.started_at < FRESH
    return Row(state, online, playing, fresh, media_url(sha256, at) if sha256 else "")


def _by_venue(rows: list[Row]) -> list[dict[str, Any]]:
    grouped = groupby(rows, key=lambda row: row.state.screen.venue)
    return [{"venue": venue, "rows": list(found)} for venue, found in grouped]


def _choices(states: Iterable[ScreenState]) -> list[tuple[str, str]]:
    return [(str(state.screen.id), f"{state.screen.venue.name} · {state.screen.name}") for state in states]


def _scenes(operator_id: UUID) -> list[dict[str, Any]]:
    found = signage.selectors.scenes(operator_id=operator_id).order_by("venue__name", "name")
    return [{"scene": scene, "policy": POLICIES[scene.policy]} for scene in found]
