"""The app's part of /v1/."""

from django.urls import path

from privacy.api.rights_requests import OneRightsRequest, RightsRequests

app_name = "privacy"
urlpatterns = [
    path("rights-requests", RightsRequests.as_view(), name="rights_requests"),
    path("rights-requests/<str:rights_request>", OneRightsRequest.as_view(), name="rights_request"),
]
