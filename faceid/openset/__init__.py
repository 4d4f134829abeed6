"""Keeping strangers unknown: thresholds from one's own gallery, what a margin buys, and when to calibrate again."""
