"""The process launcher: an embedded PostgreSQL and Valkey, and the processes that work with them.

Knows nothing of Django. ``state`` says where things lie, ``postgres`` and ``valkey`` run one server each, ``launcher``
runs everything in order, ``testing`` gives a test run its own pair. ``python -m servers`` is the command line.
"""
