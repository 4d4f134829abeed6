"""Creatives as they look: one vector for each picture, made once and fed to networks beside the creative's ids."""
