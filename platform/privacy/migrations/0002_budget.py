from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models

import core.ids
from core.rls import RowLevelSecurity

# One statement after the other for an operator: the sums of a row rest on the row before it.
TOTALS = """
CREATE FUNCTION privacy_budget_totals() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before privacy_budgetentry%ROWTYPE;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('privacy budget:' || NEW.operator_id, 0));
    SELECT * INTO before FROM privacy_budgetentry
        WHERE operator_id = NEW.operator_id ORDER BY number DESC LIMIT 1;
    IF NEW.kind = 'return' AND NOT EXISTS (
        SELECT 1 FROM privacy_budgetentry
        WHERE id = NEW.returns_id AND operator_id = NEW.operator_id AND kind = 'spend'
            AND epsilon = NEW.epsilon AND delta = NEW.delta
    ) THEN
        RAISE EXCEPTION 'A return gives back exactly what one entry spent' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.number := COALESCE(before.number, 0) + 1;
    NEW.granted_epsilon := COALESCE(before.granted_epsilon, 0) + CASE WHEN NEW.kind = 'grant' THEN NEW.epsilon ELSE 0 END;
    NEW.granted_delta := COALESCE(before.granted_delta, 0) + CASE WHEN NEW.kind = 'grant' THEN NEW.delta ELSE 0 END;
    NEW.spent_epsilon := COALESCE(before.spent_epsilon, 0)
        + CASE NEW.kind WHEN 'spend' THEN NEW.epsilon WHEN 'return' THEN -NEW.epsilon ELSE 0 END;
    NEW.spent_delta := COALESCE(before.spent_delta, 0)
        + CASE NEW.kind WHEN 'spend' THEN NEW.delta WHEN 'return' THEN -NEW.delta ELSE 0 END;
    RETURN NEW;
END $$;
CREATE TRIGGER totals BEFORE INSERT ON privacy_budgetentry
    FOR EACH ROW EXECUTE FUNCTION privacy_budget_totals();
CREATE FUNCTION privacy_budget_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The privacy budget is append-only: % is refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON privacy_budgetentry
    FOR EACH ROW EXECUTE FUNCTION privacy_budget_append_only();
"""
WITHOUT_TOTALS = """
DROP TRIGGER append_only ON privacy_budgetentry;
DROP FUNCTION privacy_budget_append_only();
DROP TRIGGER totals ON privacy_budgetentry;
DROP FUNCTION privacy_budget_totals();
"""


def amount(**options):
    return models.DecimalField(max_digits=18, decimal_places=12, **options)


class Migration(migrations.Migration):
    dependencies = [
        ("privacy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="BudgetEntry",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("number", models.PositiveIntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[("grant", "Grant"), ("spend", "Spend"), ("return", "Return")], max_length=8
                    ),
                ),
                ("epsilon", amount()),
                ("delta", amount()),
                ("granted_epsilon", amount(default=Decimal(0))),
                ("granted_delta", amount(default=Decimal(0))),
                ("spent_epsilon", amount(default=Decimal(0))),
                ("spent_delta", amount(default=Decimal(0))),
                ("reason", models.CharField(max_length=200)),
                ("actor", models.CharField(max_length=80)),
                ("at", models.DateTimeField()),
                ("run_id", models.UUIDField(null=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.operator"
                    ),
                ),
                (
                    "returns",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="returned_by",
                        to="privacy.budgetentry",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("operator", "number"), name="budget_numbered"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["grant", "spend", "return"])), name="budget_kind_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(epsilon__gte=0, delta__gte=0)
                        & (models.Q(epsilon__gt=0) | models.Q(delta__gt=0)),
                        name="budget_amount_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            spent_epsilon__gte=0,
                            spent_delta__gte=0,
                            spent_epsilon__lte=models.F("granted_epsilon"),
                            spent_delta__lte=models.F("granted_delta"),
                        ),
                        name="budget_spent_within_grants",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(kind="return", returns__isnull=False)
                        | (~models.Q(kind="return") & models.Q(returns__isnull=True)),
                        name="budget_return_names_what",
                    ),
                ],
            },
        ),
        RowLevelSecurity("budgetentry"),
        migrations.RunSQL(TOTALS, WITHOUT_TOTALS),
    ]
