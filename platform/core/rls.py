"""Row-level security as a migration operation, so that a table is never without it."""

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

# The sub-selects make the planner read each setting once per statement instead of once per row.
CONDITION = (
    "(({column} = (SELECT NULLIF(current_setting('app.operator', true), '')::uuid))"
    " OR (SELECT current_setting('app.platform', true) = 'on'))"
)


class RowLevelSecurity(Operation):
    """Let a table's rows be seen and written only within their operator's scope (see ``core.tenancy``).

    ``FORCE`` binds the owner of the table too; only a superuser or a BYPASSRLS role is exempt, and Vitrine connects
    as neither.
    """

    reversible = True

    def __init__(self, model: str, column: str = "operator_id") -> None:
        self.model = model
        self.column = column

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: the models stay as they are."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Enable and force the policy."""
        table = self._table(app_label, to_state.apps)
        condition = CONDITION.format(column=self.column)
        schema_editor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        schema_editor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        schema_editor.execute(f'CREATE POLICY operator_isolation ON "{table}" USING {condition} WITH CHECK {condition}')

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop the policy."""
        table = self._table(app_label, from_state.apps)
        schema_editor.execute(f'DROP POLICY operator_isolation ON "{table}"')
        schema_editor.execute(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY')
        schema_editor.execute(f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')

    def describe(self) -> str:
        """Return one line for ``migrate --plan``."""
        return f"Force row-level security on {self.model}"

    def _table(self, app_label: str, apps: Apps) -> str:
        return str(apps.get_model(app_label, self.model)._meta.db_table)
