"""The permission to look as operators do, without acting."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("gatehouse_principals", "0001_operator")]

    operations = [
        migrations.AlterModelOptions(
            name="operator",
            options={
                "default_permissions": (),
                "managed": False,
                "permissions": [
                    ("operate_jobs", "Can cancel, retry and delete other people's jobs and files"),
                    (
                        "view_operations",
                        "Can see what runs and everybody's jobs, with what they hold",
                    ),
                ],
            },
        ),
    ]
