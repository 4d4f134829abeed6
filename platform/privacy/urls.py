"""The app's part of /v1/."""

from django.urls import path

from privacy.api.budget import PrivacyBudget, PrivacyBudgetEntries, PrivateRuns
from privacy.api.rights_requests import OneRightsRequest, RightsRequests

app_name = "privacy"
urlpatterns = [
    path("privacy-budget", PrivacyBudget.as_view(), name="budget"),
    path("privacy-budget/entries", PrivacyBudgetEntries.as_view(), name="budget_entries"),
    path("privacy-budget/runs", PrivateRuns.as_view(), name="private_runs"),
    path("rights-requests", RightsRequests.as_view(), name="rights_requests"),
    path("rights-requests/<str:rights_request>", OneRightsRequest.as_view(), name="rights_request"),
]
