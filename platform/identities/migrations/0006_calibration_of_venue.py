import django.db.models.deletion
from django.db import migrations, models

_OF_OPERATOR = """
ALTER TABLE identities_calibration ADD CONSTRAINT calibration_at_venue_of_operator
    FOREIGN KEY (venue_id, operator_id) REFERENCES signage_venue (id, operator_id);
"""
_ANYBODYS = "ALTER TABLE identities_calibration DROP CONSTRAINT calibration_at_venue_of_operator;"


class Migration(migrations.Migration):
    dependencies = [
        ("identities", "0005_minors"),
        ("signage", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="calibration",
            name="venue",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="signage.venue"
            ),
        ),
        migrations.RunSQL(_OF_OPERATOR, _ANYBODYS),
        migrations.RemoveConstraint(model_name="calibration", name="calibration_once"),
        migrations.AddConstraint(
            model_name="calibration",
            constraint=models.UniqueConstraint(
                fields=("operator", "contract", "venue"), name="calibration_once", nulls_distinct=False
            ),
        ),
    ]
