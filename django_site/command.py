"""Django's command line for the site: ``manage.py`` in a checkout,
``gatehouse-manage`` once installed."""

import os
import sys
from contextlib import suppress

from shared.environment import var_dir
from shared.errors import ConfigurationError

EXIT_FAILED = 1
EXIT_WRONG_SETTING = 2


def main() -> int:
    """Run one command. A wrong setting gives one line on standard error and exit status 2, and a
    database that can't be used one with status 1, no traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    if sys.argv[1:2] == ["migrate"]:  # it makes the database of SQLite, which lies there
        with suppress(OSError):  # nothing has to be there for another database
            var_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.stderr.write(f"manage.py: {error}\n")
        return EXIT_WRONG_SETTING
    except DatabaseError as error:
        from django_site.publishing.database_check import reason_unusable

        if not (reason := reason_unusable(error)):
            raise
        sys.stderr.write(
            f"manage.py: the database can't be used, see DATABASE_URL: {reason}; "
            "`migrate` makes its tables\n"
        )
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
