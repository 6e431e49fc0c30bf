"""What a person keeps of the pages of work: views of their jobs by name, and tasks they like."""

from typing import Any

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
