"""The outbox: jobs that were written in a transaction and are to be submitted after it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class OutboxJob(models.Model):
    """A job to be submitted. Its row goes when the API has accepted it; a refused one stays, with
    the reason, until staff send it again or delete it.

    ``job_id`` is the job's id and, if there is no other, the idempotency key: however often a row
    is sent, there is one job. ``body`` is what the API is sent.
    """

    job_id: "models.UUIDField[Any, Any]" = models.UUIDField(unique=True)
    person: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    task: "models.CharField[str, str]" = models.CharField(max_length=100)
    body: "models.TextField[str, str]" = models.TextField()
    idempotency_key: "models.CharField[str, str]" = models.CharField(max_length=255, blank=True)
    created_at: "models.DateTimeField[Any, Any]" = models.DateTimeField(default=timezone.now)
    next_try_at: "models.DateTimeField[Any, Any]" = models.DateTimeField()
    tries: "models.PositiveIntegerField[int, int]" = models.PositiveIntegerField(default=0)
    problem: "models.TextField[str, str]" = models.TextField(blank=True)
    refused_at: "models.DateTimeField[Any, Any]" = models.DateTimeField(null=True, blank=True)

    class Meta:
        """In the order of writing; a person's are looked up together."""

        ordering = ("pk",)
        verbose_name = _("job to submit")
        verbose_name_plural = _("jobs to submit")
        indexes = (
            models.Index(fields=("person", "refused_at"), name="gatehouse_outbox_person"),
            models.Index(fields=("refused_at", "next_try_at"), name="gatehouse_outbox_due"),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.job_id}"
