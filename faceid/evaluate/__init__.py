"""Measure what recognition gets right and wrong: metrics, protocols and reports on anybody's pictures."""
