"""What is not known yet: an exploration head on top of the ranking model, and chance with known probabilities."""
