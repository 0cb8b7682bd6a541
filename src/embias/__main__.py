"""``python -m embias`` is the command ``embias``."""

import sys

from embias.cli import main

if __name__ == "__main__":
    sys.exit(main())
