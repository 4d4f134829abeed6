"""What can go wrong with subjects, notices and consents."""

from core.problems import Conflict, Malformed, NotFound, Unusable


class UnknownSubject(NotFound):
    """This operator has no such subject."""

    code = "unknown_subject"
    title = "Unknown subject"


class UnknownNotice(NotFound):
    """This operator has published no such notice."""

    code = "unknown_notice"
    title = "Unknown notice"


class UnknownReceipt(NotFound):
    """No subject holds this receipt, or not any more."""

    code = "unknown_receipt"
    title = "Unknown receipt"


class NoticeOutdated(Conflict):
    """A newer version of the notice is in force; the person has to see that one."""

    code = "notice_outdated"
    title = "Notice outdated"


class NoPurpose(Malformed):
    """A consent names no purpose."""

    code = "no_purpose"
    title = "No purpose named"


class PurposeNotExplained(Unusable):
    """The notice does not explain the purpose, so nobody can consent to it."""

    code = "purpose_not_explained"
    title = "Purpose not explained"


class ConsentTermInvalid(Unusable):
    """A consent must end after it begins, and within the longest term allowed."""

    code = "consent_term_invalid"
    title = "Consent term invalid"
