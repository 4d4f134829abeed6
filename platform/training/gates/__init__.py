"""What a model has to show before it may serve: pure functions on arrays and figures."""
