"""The commands of ``python -m faceid``: one module each, with ``NAME``, ``HELP``, ``add_arguments`` and ``run``."""
