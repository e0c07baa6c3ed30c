"""python -m namdrunner.demo.engine CONFIG [+pN ...]"""

from __future__ import annotations

import sys

from namdrunner.demo.engine.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
