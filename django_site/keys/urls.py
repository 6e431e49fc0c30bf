"""The addresses of the keys page; include them under ``account/keys/``."""

from django.urls import path

from django_site.keys import views

urlpatterns = [
    path("", views.keys, name="account_keys"),
    path("revoke-all/", views.revoke_all, name="account_keys_revoke_all"),
    path("current/", views.presented_key, name="account_key_presented"),
    path("<int:key_id>/", views.key, name="account_key"),
    path("<int:key_id>/revoke/", views.revoke, name="account_key_revoke"),
]
