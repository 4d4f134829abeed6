"""The pages that drive a screen: web player and consent kiosk. They need no session: a device pairs by code."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from console.purposes import explained


@csrf_exempt
@transaction.non_atomic_requests
def player(request: HttpRequest) -> HttpResponse:
    """The web player."""
    return render(request, "player/player.html")


@csrf_exempt
@transaction.non_atomic_requests
def kiosk(request: HttpRequest) -> HttpResponse:
    """The consent kiosk."""
    return render(request, "kiosk/kiosk.html", {"purposes": explained()})
