from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gatehouse_keys', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='password_stamp',
            field=models.CharField(db_default='', default='', editable=False, max_length=64),
        ),
    ]
