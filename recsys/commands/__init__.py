"""The commands of `python -m recsys`, one a module."""
