import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity

# A row and what it refers to belong to one operator, and a screen's default scene to its own venue: foreign keys are
# checked without row-level security, so the operator is part of the key.
SAME_OWNER = """
ALTER TABLE signage_scene ADD CONSTRAINT scene_in_venue_of_operator
    FOREIGN KEY (venue_id, operator_id) REFERENCES signage_venue (id, operator_id);
ALTER TABLE signage_screen ADD CONSTRAINT screen_in_venue_of_operator
    FOREIGN KEY (venue_id, operator_id) REFERENCES signage_venue (id, operator_id);
ALTER TABLE signage_screen ADD CONSTRAINT screen_default_scene_of_venue
    FOREIGN KEY (default_scene_id, venue_id) REFERENCES signage_scene (id, venue_id);
ALTER TABLE signage_player ADD CONSTRAINT player_at_screen_of_operator
    FOREIGN KEY (screen_id, operator_id) REFERENCES signage_screen (id, operator_id);
ALTER TABLE signage_pairing ADD CONSTRAINT pairing_with_player_of_operator
    FOREIGN KEY (player_id, operator_id) REFERENCES signage_player (id, operator_id);
"""
ANY_OWNER = """
ALTER TABLE signage_pairing DROP CONSTRAINT pairing_with_player_of_operator;
ALTER TABLE signage_player DROP CONSTRAINT player_at_screen_of_operator;
ALTER TABLE signage_screen DROP CONSTRAINT screen_default_scene_of_venue;
ALTER TABLE signage_screen DROP CONSTRAINT screen_in_venue_of_operator;
ALTER TABLE signage_scene DROP CONSTRAINT scene_in_venue_of_operator;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Scene",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("key", models.SlugField(max_length=60)),
                ("name", models.CharField(max_length=120)),
                ("policy", models.CharField(max_length=20)),
                ("slots", models.PositiveSmallIntegerField(default=3)),
                ("criteria", models.JSONField(default=dict)),
                ("active", models.BooleanField(default=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Screen",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=120)),
                ("width", models.PositiveIntegerField(default=1920)),
                ("height", models.PositiveIntegerField(default=1080)),
                (
                    "default_scene",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="signage.scene",
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
            name="Player",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("kind", models.CharField(choices=[("signage", "Signage"), ("kiosk", "Kiosk")], max_length=10)),
                ("name", models.CharField(max_length=120)),
                ("last_seen_at", models.DateTimeField(blank=True, null=True)),
                ("now_playing", models.JSONField(blank=True, null=True)),
                ("unpaired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
                (
                    "screen",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="players", to="signage.screen"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Venue",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=120)),
                ("category", models.CharField(max_length=80)),
                ("timezone", models.CharField(max_length=64)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="screen",
            name="venue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="screens", to="signage.venue"
            ),
        ),
        migrations.AddField(
            model_name="scene",
            name="venue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="scenes", to="signage.venue"
            ),
        ),
        migrations.CreateModel(
            name="Pairing",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("kind", models.CharField(choices=[("signage", "Signage"), ("kiosk", "Kiosk")], max_length=10)),
                ("code", models.CharField(max_length=8)),
                ("secret_digest", models.BinaryField()),
                ("remote_digest", models.BinaryField(db_index=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("collected_at", models.DateTimeField(blank=True, null=True)),
                (
                    "operator",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.operator",
                    ),
                ),
                (
                    "player",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="signage.player",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("claimed_at", None)), fields=("code",), name="pairing_code_once_while_open"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["signage", "kiosk"])), name="pairing_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("claimed_at", None), ("collected_at", None), ("operator", None), ("player", None)
                            ),
                            models.Q(
                                ("claimed_at__isnull", False), ("operator__isnull", False), ("player__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="pairing_claimed_by_operator",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="player",
            constraint=models.UniqueConstraint(fields=("id", "operator"), name="player_of_operator"),
        ),
        migrations.AddConstraint(
            model_name="player",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["signage", "kiosk"])), name="player_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="venue",
            constraint=models.UniqueConstraint(fields=("id", "operator"), name="venue_of_operator"),
        ),
        migrations.AddConstraint(
            model_name="venue",
            constraint=models.CheckConstraint(
                condition=models.Q(("category__regex", "^[a-z_]+(\\.[a-z_]+)*$")), name="venue_category_is_slug"
            ),
        ),
        migrations.AddConstraint(
            model_name="venue",
            constraint=models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="venue_is_named"),
        ),
        migrations.AddConstraint(
            model_name="screen",
            constraint=models.UniqueConstraint(fields=("id", "operator"), name="screen_of_operator"),
        ),
        migrations.AddConstraint(
            model_name="screen",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("height__gte", 16), ("height__lte", 32768), ("width__gte", 16), ("width__lte", 32768)
                ),
                name="screen_size_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="screen",
            constraint=models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="screen_is_named"),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.UniqueConstraint(fields=("venue", "key"), name="scene_once_per_venue"),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.UniqueConstraint(fields=("id", "venue"), name="scene_of_venue"),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "policy__in",
                        ["education", "entertainment", "finance", "healthcare", "retail", "security", "smart_city"],
                    )
                ),
                name="scene_policy_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="scene",
            constraint=models.CheckConstraint(
                condition=models.Q(("slots__gte", 1), ("slots__lte", 10)), name="scene_slots_in_range"
            ),
        ),
        *(RowLevelSecurity(model) for model in ("venue", "scene", "screen", "player", "pairing")),
        migrations.RunSQL(SAME_OWNER, ANY_OWNER),
    ]
