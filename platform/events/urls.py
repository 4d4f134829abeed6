"""The app's part of /v1/."""

from django.urls import path

from events.api import Events

app_name = "events"
urlpatterns = [path("events", Events.as_view(), name="events")]
