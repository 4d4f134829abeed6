"""The composition root: settings, URLs, Celery and WSGI. Imported by nobody."""

from config.celery import app as celery

__all__ = ["celery"]
