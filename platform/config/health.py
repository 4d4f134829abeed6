"""Probes: alive means the process answers, ready means that it can decide.

Both run outside ATOMIC_REQUESTS, since they must answer while the database is down.
"""

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path


@transaction.non_atomic_requests
def live(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive."""
    return JsonResponse({"status": "live"})


@transaction.non_atomic_requests
def ready(request: HttpRequest) -> HttpResponse:
    """Answer which dependencies are up; without the database 503, without Redis ready but degraded."""
    checks = {"database": _database(), "redis": _redis()}
    status = "ready" if all(checks.values()) else "degraded" if checks["database"] else "unavailable"
    response = JsonResponse({"status": status, "checks": checks}, status=200 if checks["database"] else 503)
    if not checks["database"]:
        response["Retry-After"] = "5"
    return response


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return False
    return True


def _redis() -> bool:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


urlpatterns = [path("live", live, name="live"), path("ready", ready, name="ready")]
