"""Settings from the environment, with errors that say what to set."""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("VITRINE_STATE", ROOT / ".vitrine"))


def flag(name: str, default: bool) -> bool:
    """Return a yes or no."""
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def choice(name: str, allowed: tuple[str, ...]) -> str:
    """Return one of the words allowed, the first where nothing is set."""
    value = os.environ.get(name, allowed[0])
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value[:40]!r}; it must be one of {', '.join(allowed)}.")
    return value


def database(url: str) -> dict[str, Any]:
    """Return Django's settings for ``postgresql://user:password@host:port/name?host=/socket/directory``."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured("DATABASE_URL must be postgresql://user:password@host:port/name.")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "core.database",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": query.pop("port", str(parts.port or "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"connect_timeout": 3, **query},
    }


def broker(redis_url: str) -> str:
    """Return Celery's form of a Redis URL (it spells unix sockets differently)."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    number = parse_qs(parts.query).get("db", ["0"])[-1]
    return f"redis+socket://{parts.path}?virtual_host={number}"


def optional_secret(name: str, length: int) -> bytes:
    """Return a secret of exactly ``length`` bytes from the environment (hex), or nothing."""
    try:
        value = bytes.fromhex(os.environ.get(name, ""))
    except ValueError:
        value = b"?"
    if value and len(value) != length:
        raise ImproperlyConfigured(f"{name} must be {length} bytes in hexadecimal.")
    return value


def secret(name: str, length: int) -> bytes:
    """Return a secret from the environment (hex) or from a private file of the state directory, made on first use."""
    if name in os.environ:
        value = bytes.fromhex(os.environ[name])
        if len(value) < length:
            raise ImproperlyConfigured(f"{name} must be at least {length} bytes in hexadecimal.")
        return value
    path = STATE / "secrets" / name.lower()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(length))
        try:
            os.link(draft, path)  # atomic, and loses quietly against a process that was faster
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return bytes.fromhex(path.read_text())
