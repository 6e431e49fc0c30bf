"""The user model. E-mail addresses are django-allauth's: one account per verified address."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(DjangoUserManager["User"]):
    """Finds people whatever the case they type their name in."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the person with this username, ignoring case. Raises User.DoesNotExist."""
        return self.get(username__iexact=username)


class User(AbstractUser):
    """A person. The username is unique whatever its case, so nobody can be 'Ada' beside 'ada'."""

    username: "models.CharField[str, str]" = models.CharField(
        "username",
        max_length=150,
        unique=True,
        help_text="Letters, digits and . + - _",
        # No @, unlike Django's own: a username that looks like someone's e-mail address would
        # compete with it at log-in.
        validators=[RegexValidator(r"^[\w.+-]+\Z", "Use letters, digits and . + - _ only.")],
        error_messages={"unique": "That username is taken."},
    )

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        """The uniqueness that the database itself keeps."""

        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="accounts_username_ci_unique",
                violation_error_message="That username is taken.",
            )
        ]


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Rows of invitations."""

    def valid(self) -> "InvitationQuerySet":
        """Keep those that still let somebody in."""
        return self.filter(used_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """One address that may sign up once. The link is nowhere: it is this row's id, signed."""

    email: "models.EmailField[str, str]" = models.EmailField("e-mail address")
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

        ordering = ("-pk",)
        default_permissions = ("add", "delete", "view")

    def __str__(self) -> str:
        return self.email
