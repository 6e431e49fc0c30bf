"""The app of work: pages on which people start jobs and follow them. It keeps nothing itself."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    """Django's handle on this app: its template tags."""

    name = "django_site.work"
    label = "work"
    verbose_name = "Work"
