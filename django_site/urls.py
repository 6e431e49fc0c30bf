"""The site's addresses. The API's are not here: wsgi.py mounts it beside the site."""

from django.contrib import admin
from django.urls import include, path

from django_site.accounts import views
from django_site.language.views import language
from django_site.sessions import views as session_views
from django_site.signup.views import invitation
from django_site.work.home_page import home

urlpatterns = [
    path("", home, name="home"),
    path("", include("django_site.work.urls")),
    path("accounts/login/", views.LoginView.as_view(), name="account_login"),
    path("accounts/invitation/<str:token>/", invitation, name="account_invitation"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("account/keys/", include("django_site.keys.urls")),
    path("account/sessions/", session_views.sessions, name="account_sessions"),
    path("operators/", include("django_site.operators.urls")),
    path("language/", language, name="language"),
    path("admin/", admin.site.urls),
    path("favicon.ico", views.favicon),
]

handler500 = "django_site.accounts.views.server_error"
# allauth asks for it when a rate limit is reached
handler429 = "django_site.accounts.views.too_many_requests"
