"""How the names of entries begin: one prefix of a process, with a hash tag for a Redis Cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from redis.crc import key_slot

from shared.contract.entries import JOBS_PREFIX, PREFIX
from shared.redis.cluster import split_cluster_url, with_entry
from shared.settings import ROOT, ContractSettings

_PROGRAM = """
import json, sys
from deploy.redis.users import new_passwords, render_acl
from flask_api.jobs.records import keyspace
from shared.contract import entries, gone
from shared.settings import WorkerSettings, load_settings
urls = sys.argv[1:]
refused = []
for url in urls:
    try:
        settings = WorkerSettings(jobs_redis_url=url)
    except ValueError as error:
        refused.append(url)
print(json.dumps({
    "sessions": [entries.session_entry("a" * 32), entries.principal_entry("7"), entries.key_entry("x"),
                 entries.permissions_entry("x"), entries.sessions_of_entry("7"), entries.KEY_NEWS_ENTRY,
                 entries.key_used_entry("7"), gone.GONE_LATEST, entries.SESSIONS_SLOT],
    "jobs": [keyspace.INSTANCES, keyspace.record("7"), keyspace.sent(""), entries.JOBS_SLOT],
    "acl": render_acl(new_passwords()),
    "setting": load_settings(WorkerSettings).redis_prefix,
    "refused": refused,
}))
"""
_CLUSTER = "redis+cluster://api:topsecret@n1,n2:7000"


def _names(var: Path, *urls: str, **variables: str) -> dict[str, Any]:
    """Return the names of some entries in another process, and which URLs it refuses."""
    environment = {name: text for name, text in os.environ.items() if "GATEHOUSE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *urls],
        env={**environment, "GATEHOUSE_VAR_DIR": str(var), **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names: dict[str, Any] = json.loads(done.stdout)
    return names


def test_hash_tag_puts_sessions_in_one_slot_and_jobs_in_one(tmp_path: Path) -> None:
    """Two slots, that may be served by two nodes; Redis's users are told the same names, and a
    Cluster's URL is accepted, without a database and without words about our entries. A password
    may have such words."""
    good = [f"{_CLUSTER}/?replicas=2", "redis+cluster://api:db=1@n1/"]
    bad = [f"{_CLUSTER}/1", f"{_CLUSTER}/?db=1", f"{_CLUSTER}/?entry=x", f"{_CLUSTER}/?x=1"]
    found = _names(tmp_path, *good, *bad, GATEHOUSE_REDIS_PREFIX="{gatehouse}:")
    assert {key_slot(name.encode()) for name in found["sessions"]} == {key_slot(b"gatehouse")}
    assert {key_slot(name.encode()) for name in found["jobs"]} == {key_slot(b"gatehouse-jobs")}
    assert "~{gatehouse}:session:* " in found["acl"]
    assert "~{gatehouse-jobs}:jobs:* " in found["acl"]
    assert "~gatehouse" not in found["acl"]
    assert found["refused"] == bad


def test_prefix_is_read_from_the_file_of_both_sides(tmp_path: Path) -> None:
    """A worker reads its other settings elsewhere; its entries begin as all others do."""
    (tmp_path / "contract.env").write_text("GATEHOUSE_REDIS_PREFIX=second:\n")
    found = _names(tmp_path, f"{_CLUSTER}/")
    assert found["setting"] == "second:"
    assert all(name.startswith("second:") for name in found["sessions"])
    assert all(name.startswith("second:jobs:") for name in found["jobs"])
    assert found["refused"] == [f"{_CLUSTER}/"], "a Cluster needs a hash tag"


def test_prefix_of_another_than_this_process_is_refused() -> None:
    """Names are made already: it would be heeded by half of them."""
    assert (PREFIX, JOBS_PREFIX) == ("gatehouse:", "gatehouse:jobs:")
    with pytest.raises(ValidationError, match="redis_prefix"):
        ContractSettings(session_secrets=("x" * 32,), redis_prefix="{gatehouse}:")


def test_url_says_whose_slot_is_meant() -> None:
    """Settings say it, once, and only of a Cluster."""
    url = with_entry(f"{_CLUSTER}/?replicas=2", "{tag}:slot")
    assert with_entry(url, "{tag}:slot") == url
    server, nodes, about = split_cluster_url(url)
    assert server == "redis://api:topsecret@n1/"
    assert nodes == [("n1", 6379), ("n2", 7000)]
    assert about == {"replicas": "2", "entry": "{tag}:slot"}
    assert with_entry("redis://n1/0", "{tag}:slot") == "redis://n1/0"
    certificate = "rediss+cluster://n1/?ssl_ca_certs=/entry=.pem"
    assert split_cluster_url(with_entry(certificate, "{tag}:slot"))[2]["entry"] == "{tag}:slot"


@pytest.mark.parametrize("hosts", ["", "n1:0", "n1,:x", "n1/0?replicas=-1"])
def test_url_that_can_not_be_read_is_refused_without_its_words(hosts: str) -> None:
    """A password stays out of the error."""
    with pytest.raises(ValidationError) as refused:
        ContractSettings(
            session_secrets=("x" * 32,),
            redis_url=SecretStr(f"redis+cluster://api:topsecret@{hosts}"),
        )
    assert "topsecret" not in str(refused.value.errors(include_input=False))
