"""Watch models while they serve or are tried: guardrails of canaries, reports of shadows, drift of champions."""
