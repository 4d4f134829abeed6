"""Write subjects, notices, consents and what people liked.

``Notice`` and ``Subject`` are exported as the types that the services take and return.
"""

from subjects.models import Notice, Subject
from subjects.services.consents import expire_consents, give_consent, withdraw_all, withdraw_consent
from subjects.services.erasure import forget
from subjects.services.history import remember
from subjects.services.notices import forget_notice_views, publish_notice, show_notice
from subjects.services.registration import Registration, issue_loyalty, issue_receipt, register

__all__ = [
    "Notice",
    "Registration",
    "Subject",
    "expire_consents",
    "forget",
    "forget_notice_views",
    "give_consent",
    "issue_loyalty",
    "issue_receipt",
    "publish_notice",
    "register",
    "remember",
    "show_notice",
    "withdraw_all",
    "withdraw_consent",
]
