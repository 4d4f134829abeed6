"""The app's part of /v1/."""

from django.urls import path

from signage.api import pairing, places

app_name = "signage"
urlpatterns = [
    path("players/pairings", pairing.Pairings.as_view(), name="pairings"),
    path("players/pairings/<str:pairing>", pairing.Pairing.as_view(), name="pairing"),
    path("pairings/claims", pairing.Claims.as_view(), name="claims"),
    path("venues", places.Venues.as_view(), name="venues"),
    path("venues/<str:venue>", places.Venue.as_view(), name="venue"),
    path("screens", places.Screens.as_view(), name="screens"),
    path("screens/<str:screen>", places.Screen.as_view(), name="screen"),
    path("scenes", places.Scenes.as_view(), name="scenes"),
    path("scenes/<str:scene>", places.Scene.as_view(), name="scene"),
]
