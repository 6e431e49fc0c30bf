"""Django's settings, from shared.settings: this file holds what every installation shares,
no value of one machine."""

from pathlib import Path
from typing import Any

import dj_database_url
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import load_backend

import shared
from django_site.mail import mail_server
from shared.contract.entries import PREFIX
from shared.errors import ConfigurationError
from shared.http.response_headers import HSTS, PAGE_SECURITY_HEADERS
from shared.logs import logging_config
from shared.settings import SiteSettings, load_settings, start_dir, var_dir

SITE = load_settings(SiteSettings)
HERE = Path(__file__).resolve().parent

SECRET_KEY = SITE.secret_key.get_secret_value()
SECRET_KEY_FALLBACKS = [key.get_secret_value() for key in SITE.secret_key_fallbacks]
DEBUG = SITE.debug
ALLOWED_HOSTS = list(SITE.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(SITE.csrf_trusted_origins)

ROOT_URLCONF = "django_site.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _languages() -> list[tuple[str, str]]:
    """Return the codes of the languages, each with its own name for itself."""
    for code in SITE.languages:
        if "name_local" not in LANG_INFO.get(code, {}):  # some are only another's old name
            raise ConfigurationError(f"GATEHOUSE_LANGUAGES: no language has the code {code!r}")
    return [(code, LANG_INFO[code]["name_local"]) for code in SITE.languages]


LANGUAGES = _languages()
LANGUAGE_CODE = LANGUAGES[0][0]  # for browsers that ask for none of them
USE_I18N = True
LOCALE_PATHS = [HERE / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
LOGGING = logging_config(SITE.log_format)
# Django's default adds a second handler, and one that mails: the root logger's is enough.
LOGGING["loggers"]["django"] = {"handlers": [], "level": "INFO", "propagate": True}

INSTALLED_APPS = [
    "django_site.accounts.apps.AccountsConfig",
    "django_site.sessions.apps.SessionsConfig",
    "django_site.principals.apps.PrincipalsConfig",
    "django_site.keys.apps.KeysConfig",
    "django_site.work.apps.WorkConfig",
    "django_site.operators.apps.OperatorsConfig",
    "django_site.submitting.apps.SubmittingConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]
MIDDLEWARE = [
    # outermost: errors of all others carry the headers too
    "django_site.response_headers.ResponseHeadersMiddleware",
    "django_site.language.middleware.LanguageMiddleware",
    "django_site.cookie_path.MountedCookiesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_site.sessions.middleware.GatehouseSessionMiddleware",
    "django_site.onward.OnwardMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_site.accounts.reauthentication.ReauthenticationMiddleware",
    "django_site.principals.middleware.PrincipalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {
                "language": "django_site.language.tags",
                "i18n": "django_site.language.i18n",
            },
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "django_site.accounts.context.site",
            ],
        },
    }
]

# Files come from the packages themselves: a fresh clone needs no collectstatic.
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django_site.mount.MountedStaticFilesStorage"},
}
STATICFILES_DIRS = [HERE / "static", Path(shared.__file__).parent / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False


def _database() -> dict[str, Any]:
    if SITE.database_url is None:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": var_dir() / "db.sqlite3",
            "OPTIONS": {
                "timeout": 5,  # seconds to wait for another writer
                # Taking the write lock at the start waits;
                # upgrading a read lock later fails at once with 'locked'.
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    try:
        url = SITE.database_url.get_secret_value()
        named: dict[str, Any] = dict(
            dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
        )
    except ValueError:  # its message repeats the URL, which may hold a password
        raise ConfigurationError(
            "DATABASE_URL can't be read: it must be a URL such as postgres://user@host/name"
        ) from None
    try:
        load_backend(named["ENGINE"])
    except (ImproperlyConfigured, ImportError) as error:  # of Oracle's driver Django says nothing
        raise ConfigurationError(f"DATABASE_URL: {' '.join(str(error).split())}") from error
    if named["ENGINE"].endswith("sqlite3") and named["NAME"] != ":memory:":
        # Not from the working folder: a server's is where our packages are.
        named["NAME"] = str(start_dir() / named["NAME"])
    return named


DATABASES = {"default": _database()}
# Holds allauth's rate limits and used one-time codes, which all processes must share. JSON:
# Django's own backends unpickle.
CACHES = {
    "default": {
        "BACKEND": "django_site.accounts.shared_cache.SharedCache",
        "KEY_PREFIX": f"{PREFIX}cache",
    }
}

# --- Cookies, HTTPS, headers ---------------------------------------------------------------------
SESSION_ENGINE = "django_site.sessions.engine"
SESSION_COOKIE_NAME = SITE.cookie_name
SESSION_COOKIE_DOMAIN = SITE.cookie_domain or None
SESSION_COOKIE_AGE = SITE.session_idle_s
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE.production
CSRF_COOKIE_NAME = SITE.hardened("csrftoken")
DEVICE_COOKIE_NAME = SITE.hardened("gatehouse_device")  # django_site.accounts.device_cookie
LANGUAGE_COOKIE_NAME = SITE.hardened("gatehouse_language")  # django_site.language.choice
DRAFT_COOKIE_NAME = SITE.hardened("gatehouse_draft")  # django_site.work.draft
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "django_site.work.draft.csrf_failure"
CSRF_COOKIE_SAMESITE = "Lax"
# a message gives nobody a session
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
# Django's 2.5 MB of %41 take half a second of processor time, and every stranger may send a form.
# The largest of ours is the admin's, with a thousand fields (Django's limit on their number).
DATA_UPLOAD_MAX_MEMORY_SIZE = 500_000
SECURE_SSL_REDIRECT = SITE.production
SECURE_HSTS_SECONDS = int(HSTS.partition("max-age=")[2].partition(";")[0]) if SITE.production else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SITE.production
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SITE.trusted_proxy else None
SECURE_REFERRER_POLICY = PAGE_SECURITY_HEADERS["Referrer-Policy"]
# Preloading commits every name under the domain for years:
# the domain's owner decides that, not this program.
# And {% load i18n %} finds our quicker tags on purpose.
SILENCED_SYSTEM_CHECKS = ["security.W021", "templates.W003"]

# --- People --------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
# By name, for an address would be outside the mount.
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "django_site.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "django_site.accounts.forms.LoginForm",
    "signup": "django_site.signup.forms.SignupForm",
    "change_password": "django_site.accounts.password_forms.ChangePasswordForm",
    "reset_password": "django_site.accounts.password_forms.ResetPasswordForm",
    "reset_password_from_key": "django_site.accounts.password_forms.ResetPasswordKeyForm",
    "user_token": "django_site.accounts.password_forms.UserTokenForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = SITE.email_verification
ACCOUNT_EMAIL_NOTIFICATIONS = True  # 'your password was changed', to who may not have done it
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Gatehouse] "
# "strict": signing up with a known address gets the answer that an unknown one gets;
# its owner is told by mail.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_MAX_EMAIL_ADDRESSES = 10  # of one account
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SITE.production else "http"
# Shared by all processes. Those of failed log-ins are told in django_site.accounts.throttle.
ACCOUNT_RATE_LIMITS = {
    "login": None,  # instead, by the page of ours: a browser that is known has a count of its own
    "login_page": "30/m/ip",
    "login_page_device": "30/m/key",
    "login_failed": "5/5m/key",  # codes of second factors count here too, per person
    "login_failed_address": "10/m/ip",
    "login_failed_account": "50/h/key",
    "signup": "20/m/ip",
    "invite": "30/h/user",
    "invite_address": "3/d/key",
}
# Without a proxy of ours, X-Forwarded-For is whatever the client says.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if SITE.trusted_proxy else 0
MFA_ADAPTER = "django_site.second_factor.adapter.MfaAdapter"
MFA_FORMS = {"activate_totp": "django_site.second_factor.adapter.ActivateTOTPForm"}
MFA_TOTP_ISSUER = "Gatehouse"
# A used code is remembered for one period: accepting those of its neighbours would let one be used
# twice (RFC 6238, 5.2).
MFA_TOTP_TOLERANCE = 0

# --- E-mail --------------------------------------------------------------------------------------
_MAIL = mail_server(SITE.email_url.get_secret_value() if SITE.email_url else None)
EMAIL_BACKEND = _MAIL.backend
EMAIL_FILE_PATH = var_dir() / "mail"
EMAIL_HOST, EMAIL_PORT = _MAIL.host, _MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL.user, _MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL.use_tls, _MAIL.use_ssl
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = SERVER_EMAIL = SITE.email_from
