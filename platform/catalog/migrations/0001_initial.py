import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity

# A row and what it refers to belong to one operator: foreign keys are checked without row-level security, so the
# operator is part of the key.
SAME_OWNER = """
ALTER TABLE catalog_campaign ADD CONSTRAINT campaign_of_advertiser_of_operator
    FOREIGN KEY (advertiser_id, operator_id) REFERENCES catalog_advertiser (id, operator_id);
ALTER TABLE catalog_creative ADD CONSTRAINT creative_of_campaign_of_operator
    FOREIGN KEY (campaign_id, operator_id) REFERENCES catalog_campaign (id, operator_id);
ALTER TABLE catalog_creative ADD CONSTRAINT creative_with_media_of_operator
    FOREIGN KEY (media_id, operator_id) REFERENCES catalog_media (id, operator_id);
ALTER TABLE catalog_spend ADD CONSTRAINT spend_of_campaign_of_operator
    FOREIGN KEY (campaign_id, operator_id) REFERENCES catalog_campaign (id, operator_id);
"""
ANY_OWNER = """
ALTER TABLE catalog_spend DROP CONSTRAINT spend_of_campaign_of_operator;
ALTER TABLE catalog_creative DROP CONSTRAINT creative_with_media_of_operator;
ALTER TABLE catalog_creative DROP CONSTRAINT creative_of_campaign_of_operator;
ALTER TABLE catalog_campaign DROP CONSTRAINT campaign_of_advertiser_of_operator;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Advertiser",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=120)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("active", "Active"), ("paused", "Paused"), ("ended", "Ended")],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("priority", models.PositiveSmallIntegerField(default=5)),
                ("currency", models.CharField(max_length=3)),
                ("budget_micros", models.BigIntegerField()),
                ("daily_budget_micros", models.BigIntegerField(blank=True, null=True)),
                ("price_micros", models.BigIntegerField()),
                ("cap_per_subject_per_day", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("targeting", models.JSONField(blank=True, default=dict)),
                (
                    "advertiser",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="campaigns", to="catalog.advertiser"
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Media",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("sha256", models.CharField(max_length=64)),
                ("bytes", models.PositiveIntegerField()),
                ("content_type", models.CharField(max_length=20)),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Creative",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("title", models.CharField(max_length=160)),
                ("category", models.CharField(max_length=60)),
                ("duration_ms", models.PositiveIntegerField()),
                (
                    "audience",
                    models.CharField(
                        choices=[("public", "Public"), ("personal", "Personal")], default="public", max_length=10
                    ),
                ),
                ("minimum_age", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "approval",
                    models.CharField(
                        choices=[("pending", "Pending"), ("approved", "Approved"), ("rejected", "Rejected")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("rejection_reason", models.CharField(blank=True, max_length=300)),
                ("active", models.BooleanField(default=True)),
                ("click_url", models.URLField(blank=True, max_length=500, null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="creatives",
                        to="catalog.campaign",
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
                (
                    "media",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="creatives",
                        to="catalog.media",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Spend",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("day", models.DateField()),
                ("plays", models.PositiveIntegerField()),
                ("micros", models.BigIntegerField()),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="spends", to="catalog.campaign"
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="advertiser",
            constraint=models.UniqueConstraint(fields=("id", "operator"), name="advertiser_of_operator"),
        ),
        migrations.AddConstraint(
            model_name="advertiser",
            constraint=models.UniqueConstraint(fields=("operator", "name"), name="advertiser_once_per_name"),
        ),
        migrations.AddConstraint(
            model_name="advertiser",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="advertiser_is_named"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.UniqueConstraint(fields=("id", "operator"), name="campaign_of_operator"),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="campaign_flight_has_length"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["draft", "active", "paused", "ended"])), name="campaign_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__gte", 1), ("priority__lte", 10)), name="campaign_priority_in_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("budget_micros__gt", 0),
                    ("price_micros__gte", 0),
                    models.Q(("daily_budget_micros", None), ("daily_budget_micros__gt", 0), _connector="OR"),
                ),
                name="campaign_money_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cap_per_subject_per_day", None), ("cap_per_subject_per_day__gte", 1), _connector="OR"
                ),
                name="campaign_cap_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="campaign_currency_is_code"
            ),
        ),
        migrations.AddConstraint(
            model_name="media",
            constraint=models.UniqueConstraint(fields=("id", "operator"), name="media_of_operator"),
        ),
        migrations.AddConstraint(
            model_name="media",
            constraint=models.UniqueConstraint(fields=("operator", "sha256"), name="media_once_per_digest"),
        ),
        migrations.AddConstraint(
            model_name="media",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="media_digest_is_hexadecimal"
            ),
        ),
        migrations.AddConstraint(
            model_name="media",
            constraint=models.CheckConstraint(
                condition=models.Q(("content_type__in", ["image/png", "image/jpeg", "image/webp"])),
                name="media_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="media",
            constraint=models.CheckConstraint(
                condition=models.Q(("bytes__gte", 1), ("height__gte", 1), ("width__gte", 1)), name="media_has_size"
            ),
        ),
        migrations.AddConstraint(
            model_name="creative",
            constraint=models.CheckConstraint(
                condition=models.Q(("title", ""), _negated=True), name="creative_is_titled"
            ),
        ),
        migrations.AddConstraint(
            model_name="creative",
            constraint=models.CheckConstraint(
                condition=models.Q(("category__regex", "^[a-z0-9_]+(\\.[a-z0-9_]+)*$")),
                name="creative_category_is_slug",
            ),
        ),
        migrations.AddConstraint(
            model_name="creative",
            constraint=models.CheckConstraint(
                condition=models.Q(("duration_ms__gte", 1000), ("duration_ms__lte", 600000)),
                name="creative_duration_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="creative",
            constraint=models.CheckConstraint(
                condition=models.Q(("audience__in", ["public", "personal"])), name="creative_audience_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="creative",
            constraint=models.CheckConstraint(
                condition=models.Q(("approval__in", ["pending", "approved", "rejected"])),
                name="creative_approval_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="creative",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approval", "approved"), _negated=True), ("media__isnull", False), _connector="OR"
                ),
                name="creative_approved_with_media",
            ),
        ),
        migrations.AddConstraint(
            model_name="creative",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("minimum_age", None), models.Q(("minimum_age__gte", 1), ("minimum_age__lte", 99)), _connector="OR"
                ),
                name="creative_age_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="spend",
            constraint=models.UniqueConstraint(fields=("campaign", "day"), name="spend_once_per_day"),
        ),
        migrations.AddConstraint(
            model_name="spend",
            constraint=models.CheckConstraint(condition=models.Q(("micros__gte", 0)), name="spend_not_negative"),
        ),
        *(RowLevelSecurity(model) for model in ("advertiser", "campaign", "media", "creative", "spend")),
        migrations.RunSQL(SAME_OWNER, ANY_OWNER),
    ]
