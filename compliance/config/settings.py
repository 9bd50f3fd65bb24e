"""All settings, read from the environment (see docs/operating.md). Refuses to start on nonsense, and on default secrets
in production.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from compliance.config import environment, logs

BASE_DIR = Path(__file__).resolve().parents[2]

# production: everything is given from outside. embedded: our launcher gives it. test: the test plugin does.
# tool: commands that need neither database nor secrets (check_prompts, deadlines, makemigrations, the schema).
PROFILE = environment.text("CALLWARDEN_PROFILE", "production")
if PROFILE not in {"production", "embedded", "test", "tool"}:
    raise ImproperlyConfigured("CALLWARDEN_PROFILE must be production, embedded, test or tool")
_TOOL = PROFILE == "tool"
_NOWHERE = "postgresql://callwarden_app@127.0.0.1:1/none" if _TOOL else None

DEBUG = False
VAR_DIR = Path(environment.text("VAR_DIR", str(BASE_DIR / "var")))


def _secret(name: str) -> str:
    value = secrets.token_hex(32) if _TOOL else environment.text(name)
    if len(value) < 32 or value.lower().startswith(("insecure", "change", "secret", "django")):
        raise ImproperlyConfigured(f"{name} must be a random secret of at least 32 characters, not a default")
    return value


SECRET_KEY = _secret("SECRET_KEY")
PLAYBACK_KEY = _secret("PLAYBACK_KEY")
if PLAYBACK_KEY == SECRET_KEY:
    raise ImproperlyConfigured("PLAYBACK_KEY must differ from SECRET_KEY")

PUBLIC_URL = environment.text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS") or (
    ["127.0.0.1", "localhost", "testserver"] if PROFILE != "production" else []
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
_HTTPS = PUBLIC_URL.startswith("https://")
if environment.flag("BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # not no-referrer: forms would be sent with "Origin: null" and be refused
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "accounts",  # first: its templates come before those of the console's framework and of the sign-in pages
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "accounts.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_prometheus",
    "audit",
    "compliance.vault",
    "compliance.vault.keystore",
    "compliance.connectors",
    "compliance.outlet",
    "compliance.recordings",
    "compliance.retention",
    "compliance.reconciliation",
    "compliance.disclosure",
    "compliance.dsr",
    "compliance.intake",
    "compliance.config",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "compliance.config.urls"
WSGI_APPLICATION = "compliance.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
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

# --- databases --------------------------------------------------------------------------------------------------------
# The service connects as a role that owns nothing and cannot pass row security; only `migrate` uses the owner's
# address.
_OWNER = os.environ.get("CALLWARDEN_DB_ROLE") == "owner"
DATABASES: dict[str, dict[str, Any]] = {
    "default": environment.database("DATABASE_OWNER_URL" if _OWNER else "DATABASE_URL", _NOWHERE),
    "keys": environment.database("KEYS_DATABASE_OWNER_URL" if _OWNER else "KEYS_DATABASE_URL", _NOWHERE),
    "sequencer": environment.database("DATABASE_OWNER_URL" if _OWNER else "SEQUENCER_DATABASE_URL", _NOWHERE),
}
DATABASE_ROUTERS = ["compliance.vault.router.KeysRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- storage, keys, log -----------------------------------------------------------------------------------------------
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # nothing of ours may use it
    "vault": environment.storage(
        "STORAGE_URL", "missing:" if PROFILE == "production" else f"file://{VAR_DIR / 'store'}"
    ),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
KEYRING_FILE = Path(environment.text("KEYRING_FILE", str(VAR_DIR / "secrets" / "keyring.json")))
KMS_URL = environment.text("KMS_URL", "local:")  # who guards the organisation keys: vault.key_services
RESTORE_CHECK_SECONDS = environment.number("RESTORE_CHECK_SECONDS", 60)  # how soon a process notices a restore
LOG_SIGNING_KEY_FILE = Path(environment.text("LOG_SIGNING_KEY_FILE", str(VAR_DIR / "secrets" / "log-signing-key.pem")))
LOG_ORIGIN = environment.text("LOG_ORIGIN", "callwarden.localhost")

# --- reconciliation ---------------------------------------------------------------------------------------------------
RECONCILE_READ_EVERY_DAYS = environment.number("RECONCILE_READ_EVERY_DAYS", 30)  # each object is read again within
RECONCILE_GUARD_HOURS = environment.number("RECONCILE_GUARD_HOURS", 24)  # what is younger is not judged
if RECONCILE_READ_EVERY_DAYS < 1 or RECONCILE_GUARD_HOURS < 24:
    raise ImproperlyConfigured("RECONCILE_READ_EVERY_DAYS must be at least 1, RECONCILE_GUARD_HOURS at least 24")

# --- disclosure -------------------------------------------------------------------------------------------------------
# By when a finding should be resolved. Until a failing prompt is mended every call is one that should not be, and to
# change a prompt is an hour's work: a week. What the text alone cannot settle needs counsel, or calls to look at: a
# month.
DISCLOSURE_FAIL_DAYS = environment.number("DISCLOSURE_FAIL_DAYS", 7)
DISCLOSURE_REVIEW_DAYS = environment.number("DISCLOSURE_REVIEW_DAYS", 30)
if not 0 < DISCLOSURE_FAIL_DAYS <= DISCLOSURE_REVIEW_DAYS:
    raise ImproperlyConfigured("DISCLOSURE_FAIL_DAYS must be at least 1 and at most DISCLOSURE_REVIEW_DAYS")

# --- platforms --------------------------------------------------------------------------------------------------------
FETCH_TEST_HOSTS = environment.words("FETCH_TEST_HOSTS")
if FETCH_TEST_HOSTS and PROFILE not in {"embedded", "test"}:
    raise ImproperlyConfigured("FETCH_TEST_HOSTS works in the embedded profile only")
FETCH_MAX_BYTES = environment.number("FETCH_MAX_BYTES", 500 * 1024 * 1024)
WEBHOOK_MAX_BYTES = environment.number("WEBHOOK_MAX_BYTES", 96 * 1024 * 1024)  # each platform has its own below
# A person has so many days to have a platform delete what it deletes on no call of ours.
UPSTREAM_TASK_DAYS = environment.number("UPSTREAM_TASK_DAYS", 14)
RETENTION_SECOND_PERSON_ABOVE = environment.number("RETENTION_SECOND_PERSON_ABOVE", 100)  # artifacts newly due soon
RETENTION_RUN_GUARD_MIN = environment.number("RETENTION_RUN_GUARD_MIN", 1000)  # artifacts a day that ask nobody
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
# Files of forms stay in memory: nothing that somebody uploads lies in clear on a disk. Larger ones are not taken.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 11 * 1024 * 1024

# --- mail: without EMAIL_URL letters wait in the sealed outbox --------------------------------------------------------
EMAIL_URL = environment.text("EMAIL_URL", "")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "privacy@localhost")

# --- people -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if PROFILE == "test"
    else ["django.contrib.auth.hashers.Argon2PasswordHasher"]
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/admin/"
ACCOUNT_ADAPTER = "accounts.signin.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_RATE_LIMITS = False if PROFILE == "test" else {"login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]

# --- API --------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.KeyAuthentication",
        "accounts.authentication.MemberAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "compliance.rest.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.rates.ActorThrottle"],
    "EXCEPTION_HANDLER": "compliance.rest.handle_exception",
    "UNAUTHENTICATED_USER": None,
}
# Per key and member. On one machine a single key plays every part of the demonstration.
API_REQUESTS_PER_MINUTE = environment.number("API_REQUESTS_PER_MINUTE", 600 if PROFILE == "production" else 6000)
CACHES = {
    # Counts of requests only; nothing that identifies a person is cached anywhere.
    "rates": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "rates",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Callwarden",
    "VERSION": "1",
    "DESCRIPTION": "Privacy and compliance for the recorded calls of AI voice agents.",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "compliance.rest.schema.add_components",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ArtifactState": "compliance.dsr.representations.ARTIFACT_STATES",
        "CallState": "compliance.recordings.models.Call.State",
        "ConnectionState": "compliance.connectors.models.Connection.State",
        "RequestReason": "compliance.dsr.representations.REASONS",
        "Exemption": "compliance.dsr.representations.EXEMPTIONS",
        "HoldState": "compliance.retention.models.LegalHold.State",
        "IdentifierKind": "compliance.dsr.representations.IDENTIFIER_KINDS",
        "LetterState": "compliance.dsr.models.OutboundMail.State",
        "RequestState": "compliance.dsr.representations.STATES",
        "Right": "compliance.dsr.representations.RIGHTS",
        "Verdict": "compliance.disclosure.models.Verdict",
        "WebhookDispatchState": "compliance.outlet.models.WebhookDispatch.State",
        "WebhookEndpointState": "compliance.outlet.models.WebhookEndpoint.State",
    },
}

# --- pages ------------------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
    }
}
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = PROFILE != "production"
WHITENOISE_AUTOREFRESH = False

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Callwarden",
    "SITE_HEADER": "Callwarden",
    "SITE_SUBHEADER": "compliance.config.navigation.organisation",
    "SITE_SYMBOL": "shield_person",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "compliance.config.navigation.environment",
    "DASHBOARD_CALLBACK": "compliance.config.overview.fill",
    "STYLES": ["compliance.config.navigation.style"],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "compliance.config.navigation.icon"}],
    "SIDEBAR": {"navigation": "compliance.config.navigation.sidebar"},
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": "/accounts/password/change/"},
            {"title": "Second factor", "link": "/accounts/2fa/"},
        ]
    },
    "COLORS": {
        "primary": {  # one blue, dark enough for words on white and light enough on black
            "50": "oklch(97% .014 255)",
            "100": "oklch(93.5% .032 255)",
            "200": "oklch(88% .06 254)",
            "300": "oklch(81% .1 254)",
            "400": "oklch(76% .12 254)",
            "500": "oklch(75% .13 256)",
            "600": "oklch(49.5% .16 258)",
            "700": "oklch(43% .15 259)",
            "800": "oklch(38% .13 260)",
            "900": "oklch(34% .1 260)",
            "950": "oklch(26% .07 262)",
        },
    },
}

# --- jobs -------------------------------------------------------------------------------------------------------------
BROKER_URL = environment.text("BROKER_URL", "memory://" if PROFILE in {"tool", "test"} else None)

LOGGING_CONFIG = None
logs.configure(level=environment.text("LOG_LEVEL", "INFO"), plain=PROFILE == "test")
