"""Our ranking models beside outside peers, on anybody's log; see docs/benchmark.md."""
