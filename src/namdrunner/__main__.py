"""``python -m namdrunner`` is the command ``namdrunner``."""

import sys

from namdrunner.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
