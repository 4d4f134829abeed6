"""Decisions and the player's manifest over HTTP."""
