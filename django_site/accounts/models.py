"""The user model. E-mail addresses are django-allauth's: one account per verified address.

Invitations are of this app, too, and stand beside what is done with them."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from django_site.signup.models import Invitation

__all__ = ["Invitation", "User", "UserManager"]


class UserManager(DjangoUserManager["User"]):
    """Finds people whatever the case they type their name in."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the person with this username, ignoring case. Raises User.DoesNotExist."""
        return self.get(username__iexact=username)


class User(AbstractUser):
    """A person. The username is unique whatever its case, so nobody can be 'Ada' beside 'ada'."""

    username: "models.CharField[str, str]" = models.CharField(
        _("username"),
        max_length=150,
        unique=True,
        help_text=_("Letters, digits and . + - _"),
        # No @, unlike Django's own: a username that looks like someone's e-mail address would
        # compete with it at log-in.
        validators=[RegexValidator(r"^[\w.+-]+\Z", _("Use letters, digits and . + - _ only."))],
        error_messages={"unique": _("That username is taken.")},
    )

    # "" is what the browser asks for: django_site.language.choice
    language: "models.CharField[str, str]" = models.CharField(
        _("language"), max_length=16, blank=True, default="", editable=False
    )

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        """The uniqueness that the database itself keeps."""

        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="accounts_username_ci_unique",
                violation_error_message=_("That username is taken."),
            )
        ]
