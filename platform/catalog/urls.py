"""The app's part of /v1/."""

from django.urls import path, re_path

from catalog.api import campaigns, creatives, media

app_name = "catalog"
urlpatterns = [
    path("advertisers", campaigns.Advertisers.as_view(), name="advertisers"),
    path("campaigns", campaigns.Campaigns.as_view(), name="campaigns"),
    path("campaigns/<str:campaign>", campaigns.Campaign.as_view(), name="campaign"),
    path("campaigns/<str:campaign>/state", campaigns.CampaignState.as_view(), name="campaign_state"),
    path("creatives", creatives.Creatives.as_view(), name="creatives"),
    path("creatives/<str:creative>", creatives.Creative.as_view(), name="creative"),
    path("creatives/<str:creative>/reviews", creatives.Reviews.as_view(), name="reviews"),
    path("media", media.MediaList.as_view(), name="media_list"),
    re_path("^media/(?P<sha256>[0-9a-f]{64})$", media.MediaFile.as_view(), name="media_file"),
]
