"""``python -m deploy.launcher``."""

import sys

from deploy.launcher.launch import run

if __name__ == "__main__":  # not in a child process that reads this file too
    sys.exit(run())
