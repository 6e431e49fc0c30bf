"""A backend for Django's tasks (django.tasks, and its backport django-tasks): each is a job.

TASKS = {
    "default": {
        "BACKEND": "django_site.tasks_backend.backend.GatehouseBackend",
        "OPTIONS": {"USERNAME": "tasks"},
    }
}
"""
