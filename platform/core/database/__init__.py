"""Django's PostgreSQL backend with fewer round trips; named by ``DATABASES["default"]["ENGINE"]``."""
