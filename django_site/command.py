"""Django's command line for the site: ``manage.py`` in a checkout,
``gatehouse-manage`` once installed."""

import os
import sys

from shared.errors import ConfigurationError

EXIT_WRONG_SETTING = 2


def main() -> int:
    """Run one command. A wrong setting gives one line on standard error and exit status 2,
    no traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.stderr.write(f"manage.py: {error}\n")
        return EXIT_WRONG_SETTING
    return 0


if __name__ == "__main__":
    sys.exit(main())
