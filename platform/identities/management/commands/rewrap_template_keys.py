"""``manage.py rewrap_template_keys``: after a change of the master key or to a key management service."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import operator_ids
from core.problems import Problem
from identities.keys import store


class Command(BaseCommand):
    """Wrap every protection key with the wrapping key in use."""

    help = "Wrap every operator's protection keys with the wrapping key in use; keys and templates stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rewrap what another key wrapped, and say how many that were."""
        try:
            rewrapped = sum(store().rewrap(operator_id) for operator_id in operator_ids())
        except Problem as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{rewrapped} keys wrapped anew. Those of all operators are wrapped by {store().wrapped_by}.")
