from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("identities", "0004_calibration"),
    ]

    operations = [
        migrations.AddField(
            model_name="enrolmentpolicy",
            name="minors",
            field=models.CharField(
                choices=[
                    ("off", "Nobody's age is looked at"),
                    ("apparent_minor_is_anonymous", "Apparent minors are anonymous"),
                ],
                default="off",
                max_length=30,
            ),
        ),
        migrations.AddConstraint(
            model_name="enrolmentpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("minors__in", ["off", "apparent_minor_is_anonymous"])), name="minors_known"
            ),
        ),
    ]
