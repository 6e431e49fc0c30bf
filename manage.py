#!/usr/bin/env python3
"""Django's command line for the site: ``.venv/bin/python manage.py help``."""

import sys

from django_site.command import main

if __name__ == "__main__":
    sys.exit(main())
