"""Which mail server an URL names."""

import pytest

from django_site.mail import FILES, MailServer, mail_server
from shared.errors import ConfigurationError

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (None, FILES),
        ("smtp://mail.example", MailServer(backend=SMTP, host="mail.example", port=587, use_tls=True)),
        (
            "smtp://ada:p%40ss%3Aword@mail.example:2525",
            MailServer(backend=SMTP, host="mail.example", port=2525, user="ada", password="p@ss:word", use_tls=True),
        ),
        ("smtps://mail.example", MailServer(backend=SMTP, host="mail.example", port=465, use_ssl=True)),
        ("smtp+ssl://mail.example", MailServer(backend=SMTP, host="mail.example", port=465, use_ssl=True)),
        ("smtp+plain://localhost", MailServer(backend=SMTP, host="localhost", port=25)),
    ],
)
def test_url_names_its_server(url: str | None, server: MailServer) -> None:
    """Each scheme has its port and its kind of encryption."""
    assert mail_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://hush@x",
        "smtp://hush@",
        "smtp://x:hush",
        "smtp+plain://mail.example",
        "smtp+plain://hush@localhost",
    ],
)
def test_unusable_url_is_refused_without_repeating_it(url: str) -> None:
    """A password goes nowhere in clear, not even into the message."""
    with pytest.raises(ConfigurationError, match="GATEHOUSE_EMAIL_URL") as caught:
        mail_server(url)
    assert "hush" not in str(caught.value)
