"""What the launcher keeps on disk: secrets made once, private files, one launcher per folder."""

import os
import stat
from pathlib import Path

import pytest

from deploy.launcher.local_secrets import ensure_secrets, ensure_valkey_passwords, set_redis_urls
from deploy.processes.private_files import make_private_folder, replace_private
from deploy.processes.single_start import StartError, single_start
from deploy.redis.users import ROLES
from shared.settings import ApiSettings, ContractSettings, SiteSettings, load_settings


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty var folder that the settings are read from, with nothing else in the environment."""
    for name in (
        "SESSION_SECRETS",
        "SECRET_KEY",
        "REDIS_URL",
        "SITE_REDIS_URL",
        "API_REDIS_URL",
        "JOBS_REDIS_URL",
    ):
        monkeypatch.delenv(f"GATEHOUSE_{name}", raising=False)
    monkeypatch.setenv("GATEHOUSE_VAR_DIR", str(tmp_path))
    return tmp_path


def test_missing_secrets_are_made_once(var: Path) -> None:
    """A second start finds the same secrets: nobody is logged out."""
    ensure_secrets(var)
    first = load_settings(SiteSettings)
    ensure_secrets(var)
    again = load_settings(SiteSettings)
    assert first.secrets == again.secrets
    assert first.secret_key == again.secret_key
    assert len(first.secrets[0]) >= 64


def test_each_side_reads_only_its_own_file(var: Path) -> None:
    """Django's SECRET_KEY and its way into Redis are not in what the API reads."""
    ensure_secrets(var)
    set_redis_urls(var, site="unix://django:a@/s", api="unix://api:b@/s")
    api_files = (var / "contract.env").read_text() + (var / "api.env").read_text()
    assert "SECRET_KEY" not in api_files
    assert "django" not in api_files
    assert load_settings(SiteSettings).session_store_url == "unix://django:a@/s"
    assert load_settings(ApiSettings).session_store_url == "unix://api:b@/s"
    assert load_settings(ApiSettings).job_store_url == "unix://api:b@/s"


def test_lines_of_a_person_stay(var: Path) -> None:
    """Settings that somebody added to a file survive every start."""
    (var / "contract.env").write_text("# ours\nGATEHOUSE_LOG_FORMAT=json")
    ensure_secrets(var)
    text = (var / "contract.env").read_text()
    assert text.startswith("# ours\nGATEHOUSE_LOG_FORMAT=json\nGATEHOUSE_SESSION_SECRETS=")
    assert load_settings(ContractSettings).log_format == "json"


def test_redis_urls_taken_out_leave_the_shared_one(var: Path) -> None:
    """After a change to a server of one's own,
    the embedded one's address is gone from the files."""
    ensure_secrets(var)
    set_redis_urls(var, site="unix://django:a@/s", api="unix://api:b@/s")
    set_redis_urls(var, site=None, api=None)
    assert load_settings(SiteSettings).session_store_url == "redis://127.0.0.1:6379/0"
    assert "REDIS_URL" not in (var / "api.env").read_text() + (var / "site.env").read_text()


def test_redis_url_of_a_person_wins(var: Path) -> None:
    """Who wrote another URL into a file keeps it, whatever the embedded server's is."""
    ensure_secrets(var)
    (var / "api.env").write_text("GATEHOUSE_API_REDIS_URL=redis://mine/0\n")
    for url in ("unix://api:b@/s", None):
        set_redis_urls(var, site=url, api=url)
        assert load_settings(ApiSettings).session_store_url == "redis://mine/0"


def test_redis_url_that_changes_replaces_ours(var: Path) -> None:
    """A moved folder has another socket: the line is replaced, not doubled."""
    ensure_secrets(var)
    set_redis_urls(var, site="unix://django:a@/s", api="unix://api:b@/s")
    set_redis_urls(var, site="unix://django:a@/t", api="unix://api:b@/t")
    assert load_settings(SiteSettings).session_store_url == "unix://django:a@/t"
    assert (var / "site.env").read_text().count("REDIS_URL") == 1


def test_secret_files_are_private(var: Path) -> None:
    """No file with a secret is readable by others, whatever the umask."""
    ensure_secrets(var)
    ensure_valkey_passwords(var)
    set_redis_urls(var, site="unix://django:a@/s", api="unix://api:b@/s")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in var.iterdir()}
    assert modes == dict.fromkeys(
        ["contract.env", "site.env", "api.env", "valkey.passwords"], 0o600
    )


def test_valkey_passwords_are_made_once_and_completed(var: Path) -> None:
    """Known passwords stay; a role that a newer version adds gets one."""
    (var / "valkey.passwords").write_text('{"django": "known"}')
    first = ensure_valkey_passwords(var)
    assert first == ensure_valkey_passwords(var)
    assert first["django"] == "known"
    assert set(first) == set(ROLES)
    assert len(set(first.values())) == len(ROLES)


def test_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    """Also one that was open before."""
    (tmp_path / "var").mkdir(mode=0o755)
    make_private_folder(tmp_path / "var")
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_replaced_file_drops_its_former_mode(tmp_path: Path) -> None:
    """A file that was readable by others is private once it holds a secret,
    as is a leftover of a crash."""
    file, leftover = tmp_path / "a.env", tmp_path / "a.env.new"
    for each in (file, leftover):
        each.write_text("old")
        each.chmod(0o644)
    replace_private(file, "new")
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not leftover.exists()


def test_second_launcher_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    """The refusal names the first one's process; when that ends, the folder is free again."""
    refused = pytest.raises(StartError, match=f"process {os.getpid()}")
    with single_start(tmp_path / "var"), refused, single_start(tmp_path / "var"):
        pass
    with single_start(tmp_path / "var"):
        pass
