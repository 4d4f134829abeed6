"""``python -m servers up|down|status|exec``: the embedded servers without Django."""

import sys

from servers.cli import main

sys.exit(main())
