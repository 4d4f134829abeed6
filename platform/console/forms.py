"""The console's forms: they check shapes; whether a deed is possible, the services say."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

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


class RejectionForm(forms.Form):
    """Why a creative is refused."""

    reason = forms.CharField(max_length=300)
