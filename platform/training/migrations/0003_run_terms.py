from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("training", "0002_alert"),
    ]

    operations = [
        migrations.AddField(model_name="run", name="terms", field=models.JSONField(default=dict)),
    ]
