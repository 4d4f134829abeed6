"""Is this a living person before the camera, or a picture of one? Every method answers through one interface."""
