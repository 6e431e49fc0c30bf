"""Invitations, as the database keeps them: in the app of accounts, below which this package is."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Rows of invitations."""

    def valid(self) -> "InvitationQuerySet":
        """Keep those that still let somebody in."""
        return self.filter(used_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """One address that may sign up once. The link is nowhere: it is this row's id, signed."""

    email: "models.EmailField[str, str]" = models.EmailField(_("e-mail address"))
    invited_by: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False
    )
    created_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(
        default=timezone.now, editable=False
    )
    expires_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(editable=False)
    used_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(
        null=True, editable=False
    )

    objects: ClassVar[Any] = InvitationQuerySet.as_manager()

    class Meta:
        """Newest first; an invitation is made and withdrawn, never changed."""

        app_label = "accounts"  # its table's name and its permissions' begin with it
        ordering = ("-pk",)
        default_permissions = ("add", "delete", "view")

    def __str__(self) -> str:
        return self.email
