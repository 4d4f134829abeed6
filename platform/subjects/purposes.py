"""The purposes a person may consent to, each separately, and the words in which a notice explains them by default."""

from django.db import models


class Purpose(models.TextChoices):
    """What somebody's data may be used for."""

    RECOGNISE = "recognise"
    PERSONALISE = "personalise"
    LEARN = "learn"
    MEASURE = "measure"
    SHARE = "share"


EXPLANATIONS: dict[str, str] = {
    Purpose.RECOGNISE: (
        "Recognise my face when I look at a screen. A protected template is kept, never a picture. When the software"
        " that compares faces is replaced, the template is made anew from a moment in which I am recognised."
    ),
    Purpose.PERSONALISE: "Choose what a screen shows me from what I liked before.",
    Purpose.LEARN: "Use what I liked, without my name or face, to make the choices better for everyone.",
    Purpose.MEASURE: "Count that I saw something, so that its effect can be measured.",
    Purpose.SHARE: "Pass counts that include me on to advertisers, never anything about me alone.",
}
