"""Vitrine's settings; what differs between installations comes from the environment (docs/operations.md lists it)."""

import os
from datetime import timedelta
from pathlib import Path

from celery.schedules import crontab

from config.environment import ROOT, STATE, broker, choice, database, flag, optional_secret, secret

DEBUG = flag("VITRINE_DEBUG", False)
SECRET_KEY = secret("VITRINE_SECRET_KEY", 32).hex()
MASTER_KEY = secret("VITRINE_MASTER_KEY", 32)
# What wraps the keys of templates: a key management service if one is named, else a key of its own, else MASTER_KEY.
TEMPLATE_MASTER_KEY = optional_secret("VITRINE_TEMPLATE_MASTER_KEY", 32)
TEMPLATE_MASTER_KEY_PREVIOUS = optional_secret("VITRINE_TEMPLATE_MASTER_KEY_PREVIOUS", 32)
KMS_URL = os.environ.get("VITRINE_KMS_URL", "")
KMS_KEY = os.environ.get("VITRINE_KMS_KEY", "vitrine")
KMS_TOKEN_FILE = os.environ.get("VITRINE_KMS_TOKEN_FILE", "")
KMS_CA_FILE = os.environ.get("VITRINE_KMS_CA_FILE", "")
ALLOWED_HOSTS = os.environ.get("VITRINE_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("VITRINE_ORIGINS", "").split(",") if origin]
BASE_URL = os.environ.get("VITRINE_URL", "http://127.0.0.1:8000")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core",
    "accounts",
    "audit",
    "subjects",
    "registry",
    "signage",
    "catalog",
    "identities",
    "decisions",
    "events",
    "training",
    "privacy",
    "console",
    "demo",
    "servers",
]

MIDDLEWARE = [
    "core.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "console.headers.PageHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.middleware.Problems",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "frontend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": database(os.environ.get("DATABASE_URL", "postgresql://vitrine@127.0.0.1/vitrine"))}
DATABASE_PREPARES = flag("DATABASE_PREPARES", True)
# How screens explore once the log says something: thompson, linucb, or luce (chance alone). See docs/learning.md.
EXPLORATION = choice("VITRINE_EXPLORATION", ("thompson", "linucb", "luce"))
if DATABASE_PREPARES:
    # The parameters are ids and times, for which the general plan is the right one from the first call on.
    DATABASES["default"]["OPTIONS"].setdefault("options", "-c plan_cache_mode=force_generic_plan")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "console:sign_in"
LOGIN_REDIRECT_URL = "console:overview"
LOGOUT_REDIRECT_URL = "console:sign_in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("VITRINE_SECURE_COOKIES", False)
SESSION_COOKIE_AGE = 12 * 3600

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
# Where collectstatic puts the files; without it WhiteNoise serves them from their packages.
STATIC_ROOT = os.environ.get("VITRINE_STATIC_ROOT")
_MODULES = ROOT / "frontend" / "node_modules"
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [
    ROOT / "frontend" / "static",
    ("tabler", _MODULES / "@tabler" / "core" / "dist"),
    ("icons", _MODULES / "@tabler" / "icons-webfont" / "dist"),
    ("echarts", _MODULES / "echarts" / "dist"),
]
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_AUTOREFRESH = False

MEDIA_ROOT = STATE / "media"
FACE_MODELS = Path(os.environ.get("VITRINE_FACE_MODELS", STATE / "models" / "face"))
FACE_MODELS_NEXT = os.environ.get("VITRINE_FACE_MODELS_NEXT", "")
# Templates beyond which a gallery is searched in the database; 0: every gallery is held in memory.
GALLERY_IN_MEMORY = int(os.environ.get("VITRINE_GALLERY_IN_MEMORY", "0"))
# Snapshots of large galleries that processes share; empty: a private folder of the file system in memory.
GALLERY_SNAPSHOTS = os.environ.get("VITRINE_GALLERY_SNAPSHOTS", "")
RANKING_MODELS = STATE / "models" / "ranking"
DATASETS = STATE / "datasets"
TRAINING_SHARDS = int(os.environ.get("VITRINE_TRAINING_SHARDS", "1"))
TRAINING_SLICES = int(os.environ.get("VITRINE_TRAINING_SLICES", "4"))
TRAINING_SHARDED_NETWORK = os.environ.get("VITRINE_TRAINING_SHARDED_NETWORK", "deepfm")
TRAINING_PICTURES = os.environ.get("VITRINE_TRAINING_PICTURES", "on") == "on"
# What describes pictures of creatives (never of people): an ONNX file and its digest; empty: the shipped descriptor.
PICTURE_NETWORK = os.environ.get("VITRINE_PICTURE_NETWORK", "")
PICTURE_NETWORK_SHA256 = os.environ.get("VITRINE_PICTURE_NETWORK_SHA256", "")
CARRIERS = STATE / "carriers"

# Frames are read from memory only: an upload handler that spools to disk would break the promise about passers-by.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 2**20
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.authentication.MemberSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.Allows"],
    "DEFAULT_PARSER_CLASSES": ["core.encoding.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["core.encoding.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "core.schema.Schema",
    "EXCEPTION_HANDLER": "core.api.problem_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vitrine API",
    "DESCRIPTION": "Screens that know the people who chose to be known.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "CampaignState": "catalog.models.CampaignState",
        "ModelKind": "registry.models.Kind",
        "PlayerKind": "signage.models.PlayerKind",
        "RightsRequestKind": "privacy.models.Kind",
        "RunState": "training.models.State",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "core.schema.document_problems"],
}

VIEWER_TOKEN_LIFETIME = timedelta(seconds=30)
CONSENT_TERM = timedelta(days=365)

CELERY_BROKER_URL = broker(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = {"training.*": {"queue": "training"}, "privacy.*": {"queue": "interactive"}}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Whoever enqueues waits for no broker that is down: the row that asks for the work is the truth (core.queue).
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "max_retries": 1,
    "interval_start": 0,
}
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE / "beat" / "schedule")
CELERY_BEAT_SCHEDULE = {
    "retrain every operator nightly": {"task": "training.nightly", "schedule": crontab(hour=2, minute=30)},
    "learn what to explore": {"task": "training.explore", "schedule": 3600.0, "options": {"queue": "default"}},
    "pick up queued and abandoned runs": {"task": "training.sweep", "schedule": 60.0, "options": {"queue": "default"}},
    "watch models on trial": {"task": "training.watch", "schedule": 60.0, "options": {"queue": "default"}},
    "describe pictures": {"task": "catalog.sweep", "schedule": 600.0},
    "look for drift": {"task": "training.drift", "schedule": 3600.0, "options": {"queue": "default"}},
    "expire consents and tokens": {"task": "privacy.sweep", "schedule": 300.0},
    "finish moves and destroy retired keys": {"task": "identities.sweep", "schedule": 600.0},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("VITRINE_LOG_LEVEL", "INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "httpx": {"level": "WARNING"}, "faiss": {"level": "WARNING"}},
}
