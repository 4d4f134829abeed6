"""The app's part of /v1/."""

from django.urls import path

from subjects.api.consents import Consents, Withdrawals
from subjects.api.notices import CurrentNotice, NoticeViews
from subjects.api.receipts import OneReceipt, ReceiptWithdrawals
from subjects.api.subjects import OneSubject, Subjects

app_name = "subjects"
urlpatterns = [
    path("subjects", Subjects.as_view(), name="subjects"),
    path("subjects/<str:subject>", OneSubject.as_view(), name="subject"),
    path("consents", Consents.as_view(), name="consents"),
    path("consents/withdrawals", Withdrawals.as_view(), name="withdrawals"),
    path("notices/current", CurrentNotice.as_view(), name="notice"),
    path("notice-views", NoticeViews.as_view(), name="notice_views"),
    path("receipts/<str:token>", OneReceipt.as_view(), name="receipt"),
    path("receipts/<str:token>/withdrawals", ReceiptWithdrawals.as_view(), name="receipt_withdrawals"),
]
