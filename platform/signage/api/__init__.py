"""Signage over HTTP."""
