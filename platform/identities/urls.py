"""The app's part of /v1/."""

from django.urls import path

from identities.api.challenges import Challenges
from identities.api.enrolments import Enrolments
from identities.api.recognitions import Recognitions

app_name = "identities"
urlpatterns = [
    path("recognitions", Recognitions.as_view(), name="recognitions"),
    path("challenges", Challenges.as_view(), name="challenges"),
    path("enrolments", Enrolments.as_view(), name="enrolments"),
]
