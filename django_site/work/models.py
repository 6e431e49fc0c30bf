"""What a person keeps of the pages of work: views of their jobs by name, tasks they like, and ends
that they want a mail about."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A view of the list of jobs that a person gave a name: ``query`` is that of its address."""

    person: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    name: "models.CharField[str, str]" = models.CharField(max_length=40)
    query: "models.CharField[str, str]" = models.CharField(max_length=900)

    class Meta:
        """Each name once."""

        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("person", "name"), name="work_view_name_unique"),
        )

    def __str__(self) -> str:
        return self.name


class FavouriteTask(models.Model):
    """A task that a person wants at hand."""

    person: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favourite_tasks"
    )
    task: "models.CharField[str, str]" = models.CharField(max_length=100)

    class Meta:
        """Each task once."""

        ordering = ("task",)
        constraints = (
            models.UniqueConstraint(fields=("person", "task"), name="work_favourite_unique"),
        )

    def __str__(self) -> str:
        return self.task


class EndMail(models.Model):
    """A job or a batch whose end a person wants a mail about. The row goes with the mail.

    ``page`` is its address for the person, ``look_at`` when to look next whether it has ended.
    """

    PATHS: ClassVar = {"job": "jobs", "batch": "batches"}  # by kind, below the API

    person: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    work_id: "models.UUIDField[Any, Any]" = models.UUIDField()
    kind: "models.CharField[str, str]" = models.CharField(max_length=5)
    task: "models.CharField[str, str]" = models.CharField(max_length=100)
    page: "models.CharField[str, str]" = models.CharField(max_length=2_000)
    language: "models.CharField[str, str]" = models.CharField(max_length=20, blank=True)
    asked_at: "models.DateTimeField[Any, Any]" = models.DateTimeField()
    look_at: "models.DateTimeField[Any, Any]" = models.DateTimeField(db_index=True)

    class Meta:
        """Each once."""

        constraints = (
            models.UniqueConstraint(fields=("person", "work_id"), name="work_end_mail_unique"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.work_id}"
