"""Which mail server an URL names."""

from pathlib import Path
from typing import Any

import pytest
from django.utils.module_loading import import_string

from django_site.mail import FILES, MailServer, mail_server
from django_site.mail_files import FOLDER_FILES, remove_oldest
from shared.errors import ConfigurationError

SMTP = "django_site.mail_sender.BackgroundEmailBackend"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (None, FILES),
        (
            "smtp://mail.example",
            MailServer(backend=SMTP, host="mail.example", port=587, use_tls=True),
        ),
        (
            "smtp://ada:p%40ss%3Aword@mail.example:2525",
            MailServer(
                backend=SMTP,
                host="mail.example",
                port=2525,
                user="ada",
                password="p@ss:word",
                use_tls=True,
            ),
        ),
        (
            "smtps://mail.example",
            MailServer(backend=SMTP, host="mail.example", port=465, use_ssl=True),
        ),
        (
            "smtp+ssl://mail.example",
            MailServer(backend=SMTP, host="mail.example", port=465, use_ssl=True),
        ),
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


def test_mail_folder_keeps_the_newest(tmp_path: Path) -> None:
    """By bytes and by number of files; the newest mail is there even if it alone is too large."""
    for hour in range(6):
        (tmp_path / f"20261129-0{hour}0000-1.log").write_text("m" * 100)
    remove_oldest(tmp_path, max_bytes=450)
    assert [file.name[9:11] for file in sorted(tmp_path.iterdir())] == ["02", "03", "04", "05"]
    remove_oldest(tmp_path, max_files=3)
    assert [file.name[9:11] for file in sorted(tmp_path.iterdir())] == ["04", "05"]


def test_local_mail_goes_to_a_folder_that_is_kept_small(tmp_path: Path) -> None:
    """Each mail is a file; before it is written, there is room made."""
    for hour in range(FOLDER_FILES + 5):
        (tmp_path / f"19991129-{hour:06}-1.log").touch()
    backend: Any = import_string(FILES.backend)(file_path=tmp_path)
    backend.open()
    backend.close()
    assert len(list(tmp_path.iterdir())) == FOLDER_FILES
