"""Attacks made from pictures of living people: what a camera would see of a print, a screen or a mask of them."""
