"""Operators, the people who work for them, and the credentials of their players and integrations."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from accounts.roles import Role, Scope
from core.ids import new_id
from core.models import OperatorRecord, Record


class Operator(Record):
    """The organisation that runs screens; every other row belongs to one."""

    PREFIX = "opr"

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    currency = models.CharField(max_length=3, default="EUR")

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Create users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create somebody who may sign in."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """Somebody who signs in; what they may do is said by their memberships."""

    PREFIX: ClassVar[str] = "usr"
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.email


class Member(OperatorRecord):
    """A user's role at an operator."""

    PREFIX = "mem"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    user_id: UUID
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "user"], name="member_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class Credential(OperatorRecord):
    """A device token or an API key; only its digest is stored."""

    PREFIX = "crd"

    name = models.CharField(max_length=120)
    digest = models.BinaryField(unique=True)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope.choices))
    device_id = models.UUIDField(null=True, blank=True, db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(scopes__len__gt=0), name="credential_has_scope")]

    def __str__(self) -> str:
        return self.name
