"""The console's pages, the receipt portal, and the pages that drive screens."""

from django.urls import path, register_converter

from console.converters import public
from console.views import (
    budget,
    campaigns,
    creatives,
    devices,
    erasure,
    models,
    overview,
    portal,
    screens,
    session,
    subjects,
    why,
)

for _prefix in ("cmp", "crv", "mdl", "ply", "sub"):
    register_converter(public(_prefix), _prefix)

app_name = "console"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("overview/numbers", overview.numbers, name="numbers"),
    path("overview/entries", overview.entries, name="entries"),
    path("sign-in", session.SignIn.as_view(), name="sign_in"),
    path("sign-out", session.SignOut.as_view(), name="sign_out"),
    path("screens", screens.screens, name="screens"),
    path("screens/table", screens.table, name="screens_table"),
    path("screens/pairings", screens.pair, name="pair"),
    path("players/<ply:player>/unpairing", screens.unpair, name="unpair"),
    path("campaigns", campaigns.campaigns, name="campaigns"),
    path("campaigns/<cmp:campaign>/state/<slug:state>", campaigns.set_state, name="campaign_state"),
    path("creatives", creatives.creatives, name="creatives"),
    path("creatives/new", creatives.upload, name="upload"),
    path("creatives/<crv:creative>/approval", creatives.approve, name="approve"),
    path("creatives/<crv:creative>/rejection", creatives.reject, name="reject"),
    path("subjects", subjects.listing, name="subjects"),
    path("subjects/enrolment/<slug:supervision>", subjects.supervise, name="supervise"),
    path("subjects/minors/<slug:minors>", subjects.treat_minors, name="treat_minors"),
    path("subjects/<sub:subject>", subjects.detail, name="subject"),
    path("subjects/<sub:subject>/receipt", subjects.reissue, name="reissue"),
    path("subjects/<sub:subject>/staff", subjects.employ, name="employ"),
    path("subjects/<sub:subject>/withdrawal", subjects.withdraw, name="withdraw"),
    path("subjects/<sub:subject>/erasure", erasure.erase, name="erase"),
    path("privacy-budget", budget.budget, name="budget"),
    path("models", models.models, name="models"),
    path("models/runs", models.runs, name="runs"),
    path("models/training", models.train, name="train"),
    path("models/rollback", models.roll_back, name="roll_back"),
    path("models/policy", models.set_policy, name="model_policy"),
    path("models/<mdl:model>/activation", models.activate, name="activate"),
    path("models/<mdl:model>/shadow", models.shadow, name="shadow"),
    path("models/<mdl:model>/canary", models.canary, name="canary"),
    path("models/<mdl:model>/retirement", models.retire, name="retire"),
    path("receipt/<str:token>", portal.receipt, name="receipt"),
    path("receipt/<str:token>/withdrawal", portal.withdraw, name="receipt_withdrawal"),
    path("receipt/<str:token>/erasure", erasure.ask, name="receipt_erasure"),
    path("why/<str:token>", why.why, name="why"),
    path("player/", devices.player, name="player"),
    path("kiosk/", devices.kiosk, name="kiosk"),
]
