"""Training with differential privacy (DP-SGD: Abadi et al., CCS 2016)."""
