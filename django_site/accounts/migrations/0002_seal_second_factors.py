"""Encrypt the seeds of second factors that were stored in clear."""

from django.db import migrations

from django_site.second_factor.reseal import reseal, unseal_all


def seal_all(apps, _schema_editor):
    """Seal every seed under the current secret."""
    reseal(apps.get_model("mfa", "Authenticator").objects)


def open_all(apps, _schema_editor):
    """Store them in clear again."""
    unseal_all(apps.get_model("mfa", "Authenticator").objects)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("mfa", "0003_authenticator_type_uniq")]
    operations = [migrations.RunPython(seal_all, open_all)]
