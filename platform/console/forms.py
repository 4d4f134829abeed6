"""The console's forms: they check shapes; whether a deed is possible, the services say."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from registry.selectors import Policy
from registry.terms import Route

Choices = Sequence[tuple[str, str]]
_TEXT = {"class": "form-control"}
_SELECT = {"class": "form-select"}


class PairingForm(forms.Form):
    """A code somebody reads off a screen, and the screen it stands at."""

    code = forms.CharField(
        label="Code on the screen", max_length=20, error_messages={"required": "Type the code that the device shows."},
        widget=forms.TextInput(
            attrs=_TEXT | {"placeholder": "ABCD-2345", "autocomplete": "off", "spellcheck": "false"}
        ),
    )  # fmt: skip
    screen = forms.ChoiceField(label="Screen", widget=forms.Select(attrs=_SELECT))
    name = forms.CharField(
        label="Name of the player", max_length=120, required=False,
        widget=forms.TextInput(attrs=_TEXT | {"placeholder": "as the screen", "autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, screens: Choices, data: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        field = self.fields["screen"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = screens


class CreativeForm(forms.Form):
    """A creative with its picture."""

    title = forms.CharField(max_length=160, widget=forms.TextInput(attrs=_TEXT))
    category = forms.CharField(
        max_length=60, help_text="One of the list, or a dotted word below one, like movies.drama.",
        widget=forms.TextInput(attrs=_TEXT | {"list": "categories", "autocomplete": "off"}),
    )  # fmt: skip
    campaign = forms.ChoiceField(
        required=False, help_text="Content of the house has no campaign.", widget=forms.Select(attrs=_SELECT)
    )  # fmt: skip
    seconds = forms.IntegerField(
        label="Seconds on screen", min_value=1, max_value=600, initial=10, widget=forms.NumberInput(attrs=_TEXT)
    )  # fmt: skip
    audience = forms.ChoiceField(
        choices=[("public", "Everybody"), ("personal", "One person who agreed, alone")],
        widget=forms.Select(attrs=_SELECT),
    )  # fmt: skip
    minimum_age = forms.IntegerField(
        min_value=1, max_value=99, required=False, help_text="Shown only where the venue vouches for this age.",
        widget=forms.NumberInput(attrs=_TEXT),
    )  # fmt: skip
    click_url = forms.URLField(label="Link", required=False, assume_scheme="https", widget=forms.URLInput(attrs=_TEXT))
    picture = forms.FileField(
        help_text="PNG, JPEG or WebP, at most 20 MiB and 8192 pixels a side.",
        widget=forms.FileInput(attrs=_TEXT | {"accept": "image/png,image/jpeg,image/webp"}),
    )  # fmt: skip

    def __init__(
        self, campaigns: Choices, data: Mapping[str, Any] | None = None, files: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, files)  # type: ignore[arg-type]
        field = self.fields["campaign"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Content of the house"), *campaigns]


class PolicyForm(forms.Form):
    """How trained models come to serve; shares are percentages here."""

    route = forms.ChoiceField(
        label="A model that passed the gate goes", choices=Route.choices, widget=forms.Select(attrs=_SELECT)
    )
    canary_percent = forms.FloatField(
        label="Screens of a canary, %", min_value=0.1, max_value=100, widget=forms.NumberInput(attrs=_TEXT)
    )
    canary_hours = forms.IntegerField(
        label="Hours of a canary", min_value=0, max_value=2160, widget=forms.NumberInput(attrs=_TEXT)
    )
    shadow_percent = forms.FloatField(
        label="Decisions of a shadow, %", min_value=0.1, max_value=100, widget=forms.NumberInput(attrs=_TEXT)
    )
    shadow_hours = forms.IntegerField(
        label="Hours of a shadow", min_value=0, max_value=2160, widget=forms.NumberInput(attrs=_TEXT)
    )
    trial_decisions = forms.IntegerField(
        label="Decisions of either, at least", min_value=1, max_value=10_000_000, widget=forms.NumberInput(attrs=_TEXT)
    )
    automatic = forms.BooleanField(
        label="Promote by itself what passed for long enough", required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )  # fmt: skip

    @staticmethod
    def shown(policy: Policy) -> dict[str, Any]:
        """Return a policy as the form shows it."""
        return {
            "route": policy.route, "automatic": policy.automatic, "canary_hours": policy.canary_hours,
            "shadow_hours": policy.shadow_hours, "trial_decisions": policy.trial_decisions,
            "canary_percent": round(policy.canary_share * 100, 4),
            "shadow_percent": round(policy.shadow_share * 100, 4),
        }  # fmt: skip

    def changes(self) -> dict[str, Any]:
        """Return what was filled in as ``registry.services.set_policy`` takes it."""
        given = dict(self.cleaned_data)
        shares = {f"{stage}_share": given.pop(f"{stage}_percent") / 100 for stage in ("canary", "shadow")}
        return given | shares


class RejectionForm(forms.Form):
    """Why a creative is refused."""

    reason = forms.CharField(max_length=300)
