"""Models and runs: what serves, what is tried, what was trained, what has drifted, and why or why not."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

import registry.selectors
import registry.services
import training.selectors
import training.services
from accounts.membership import ANALYSTS, member_of
from console import charts
from console.doors import actor_of, member_page, operator_of, telling
from console.forms import PolicyForm
from console.menu import page

VERSIONS = 20
RUNS = 10


@member_page()
def models(request: HttpRequest) -> HttpResponse:
    """List model versions and runs."""
    operator_id = operator_of(request)
    versions = registry.selectors.versions(operator_id=operator_id, limit=VERSIONS)
    policy = registry.selectors.policy(operator_id=operator_id)
    measured = [version for version in versions if charts.figure(version, "log_loss") is not None]
    active = registry.selectors.active_version(operator_id=operator_id)
    context = {
        "versions": versions,
        "active": active,
        "champion": next((version for version in versions if active and version.id == active.version_id), None),
        "trials": registry.selectors.open_trials(operator_id=operator_id),
        "alerts": training.selectors.open_alerts(operator_id=operator_id),
        "policy": policy,
        "policy_form": PolicyForm(initial=PolicyForm.shown(policy)),
        "chart": charts.quality(measured) if len(measured) > 1 else None,
        "may_train": member_of(request).role in ANALYSTS,
    }
    return page(request, "console/models.html", "models", context | _runs(operator_id))


@member_page()
def runs(request: HttpRequest) -> HttpResponse:
    """Show the runs again, for a page that is open."""
    return render(request, "console/parts/runs.html", _runs(operator_of(request)))


@require_POST
@member_page(ANALYSTS)
def activate(request: HttpRequest, model: UUID) -> HttpResponse:
    """Let a version serve."""
    return _moved(request, model, registry.services.activate, "serves from the next decision on")


@require_POST
@member_page(ANALYSTS)
def shadow(request: HttpRequest, model: UUID) -> HttpResponse:
    """Let a version score beside the champion."""
    told = "scores beside the champion; nothing it says is shown"
    return _moved(request, model, registry.services.start_shadow, told)


@require_POST
@member_page(ANALYSTS)
def canary(request: HttpRequest, model: UUID) -> HttpResponse:
    """Let a version decide at some screens."""
    return _moved(request, model, registry.services.start_canary, "decides at some screens; guardrails watch it")


@require_POST
@member_page(ANALYSTS)
def retire(request: HttpRequest, model: UUID) -> HttpResponse:
    """Take a version out of use."""
    stop = partial(registry.services.retire, reason="Stopped by a member.")
    return _moved(request, model, stop, "is retired")


@require_POST
@member_page(ANALYSTS)
def set_policy(request: HttpRequest) -> HttpResponse:
    """Change how models come to serve."""
    form = PolicyForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(next(iter(form.errors.values()))[0]))
        return redirect("console:models")
    with telling(request):
        registry.services.set_policy(
            operator_id=operator_of(request), changes=form.changes(), actor=actor_of(request)
        )  # fmt: skip
        messages.success(request, "The terms of promotion are saved.")
    return redirect("console:models")


@require_POST
@member_page(ANALYSTS)
def roll_back(request: HttpRequest) -> HttpResponse:
    """Let the version serve again that served before."""
    with telling(request):
        version = registry.services.rollback(operator_id=operator_of(request), actor=actor_of(request))
        messages.success(request, f"Rolled back: {version.public_id} serves again.")
    return redirect("console:models")


@require_POST
@member_page(ANALYSTS)
def train(request: HttpRequest) -> HttpResponse:
    """Ask for a training."""
    with telling(request):
        run = training.services.request_run(
            operator_id=operator_of(request), trigger="demand", actor=actor_of(request)
        )  # fmt: skip
        messages.success(request, f"Training {run.public_id} is {run.state}. Its progress shows below.")
    return redirect("console:models")


def _moved(request: HttpRequest, model: UUID, move: Callable[..., Any], told: str) -> HttpResponse:
    """Bring a version to another stage and tell so; a model of another operator is a page that does not exist."""
    operator_id = operator_of(request)
    registry.selectors.get(operator_id=operator_id, version_id=model)
    with telling(request):
        version = move(operator_id=operator_id, version_id=model, actor=actor_of(request))
        messages.success(request, f"{version.public_id} {told}.")
    return redirect("console:models")


def _runs(operator_id: UUID) -> dict[str, Any]:
    found = training.selectors.runs(operator_id=operator_id, limit=RUNS)
    return {"runs": found, "busy": any(run.state in {"queued", "running"} for run in found)}
