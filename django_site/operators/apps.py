"""The app of operators: their pages, and the record in the admin. It keeps nothing itself."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperatorsConfig(AppConfig):
    """Django's handle on this app: its page in the admin."""

    name = "django_site.operators"
    label = "gatehouse_operators"
    verbose_name = _("Operators")
