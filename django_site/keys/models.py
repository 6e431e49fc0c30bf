"""API keys as Django's database holds them:
the truth, of which the session store holds a signed copy for the gate."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

NAME_MAX_LENGTH = 100


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Rows of keys."""

    def live(self) -> "ApiKeyQuerySet":
        """Keep those that are neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())

    def over(self) -> "ApiKeyQuerySet":
        """Keep those that are revoked or expired."""
        return self.exclude(revoked_at=None, expires_at__gt=timezone.now())

    def of(self, person: Any) -> "ApiKeyQuerySet":
        """Keep those of one person."""
        return self.filter(user_id=person.pk)


class ApiKey(models.Model):
    """One key of one person. The key itself is nowhere: only its SHA-256 is kept."""

    user: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="gatehouse_keys"
    )
    user_id: Any
    name: "models.CharField[str, str]" = models.CharField(max_length=NAME_MAX_LENGTH)
    token_digest: "models.CharField[str, str]" = models.CharField(
        max_length=64, unique=True, editable=False
    )
    scopes: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    created_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(
        default=timezone.now, editable=False
    )
    expires_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()
    revoked_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(
        null=True, blank=True
    )
    password_stamp: "models.CharField[str, str]" = models.CharField(
        max_length=64, default="", db_default="", editable=False
    )  # django_site.keys.passwords.stamps

    objects: ClassVar[Any] = ApiKeyQuerySet.as_manager()

    class Meta:
        """Newest first; revoking other people's keys is a permission of its own."""

        verbose_name = "API key"
        ordering = ("-pk",)
        default_permissions = ("delete", "view")
        permissions = (("revoke_apikey", "Can revoke API keys"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"
