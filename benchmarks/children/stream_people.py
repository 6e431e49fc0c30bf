"""Make the site's database and some people who are logged in:
``python -m benchmarks.children.stream_people <count>`` prints them.

One JSON list of objects with ``id`` and ``cookie``;
where everything is comes from the environment, as for the server.
"""

import json
import os
import sys
from pathlib import Path


def people(count: int) -> list[dict[str, str]]:
    """Create so many people and log them in."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_site.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from django_site.accounts.models import User

    Path(os.environ["GATEHOUSE_VAR_DIR"], "mail").mkdir(exist_ok=True)
    call_command("migrate", verbosity=0)
    made = []
    for number in range(count):
        user = User.objects.create_user(f"person{number}", f"person{number}@example.org")
        browser = Client(headers={"host": "localhost"})
        browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        made.append(
            {"id": str(user.pk), "cookie": f"sessionid={browser.cookies['sessionid'].value}"}
        )
    return made


if __name__ == "__main__":
    print(json.dumps(people(int(sys.argv[1]))))
