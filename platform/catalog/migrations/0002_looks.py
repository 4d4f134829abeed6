from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="media",
            name="vision",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="media",
            name="look",
            field=models.BinaryField(editable=True, max_length=16384, null=True),
        ),
        migrations.AddField(
            model_name="creative",
            name="media_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="media",
            constraint=models.CheckConstraint(
                condition=Q(vision="", look=None) | (~Q(vision="") & Q(look__isnull=False)),
                name="media_look_has_vision",
            ),
        ),
        migrations.AddConstraint(
            model_name="creative",
            constraint=models.CheckConstraint(
                condition=Q(media_since=None) | Q(media__isnull=False), name="creative_since_has_media"
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE catalog_media ADD CONSTRAINT media_look_is_float32"
            " CHECK (octet_length(look) % 4 = 0 AND octet_length(look) <= 16384)",
            "ALTER TABLE catalog_media DROP CONSTRAINT media_look_is_float32",
        ),
    ]
