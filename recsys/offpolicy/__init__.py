"""What another policy would have earned, estimated from a log that says how likely each of its choices was."""
