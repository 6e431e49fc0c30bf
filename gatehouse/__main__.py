"""``python -m gatehouse``: the command, where no script is installed."""

import sys

from gatehouse.cli.main import main

sys.exit(main())
