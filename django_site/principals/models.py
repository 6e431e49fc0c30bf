"""Permissions that are about no row: Django ties each to a model,
so here is one without a table."""

from typing import ClassVar

from django.db import models


class Operator(models.Model):
    """No rows: it carries the permission to act on other people's jobs,
    which admin gives to people and groups."""

    class Meta:
        """No table, and none of the permissions that tables have."""

        managed = False
        default_permissions = ()
        permissions: ClassVar = [
            ("operate_jobs", "Can cancel, retry and delete other people's jobs and files"),
            ("view_operations", "Can see what runs and everybody's jobs, with what they hold"),
        ]
