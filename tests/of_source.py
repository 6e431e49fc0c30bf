"""Which tests are about a source file: those of its room, and those that import it.

``python -m tests.of_source ARGUMENT...`` prints the arguments, a line each, with the tests of each
source file or folder in its place; script/test gives them to pytest.
"""

import ast
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The tests of each room of the source; of a file, its nearest room counts.
ROOMS: dict[str, tuple[str, ...]] = {
    "deploy": ("unit/**/test_deploy_*", "e2e/test_script_server"),
    "deploy/launcher": ("unit/**/test_launcher_*", "e2e/test_script_server"),
    "deploy/processes": ("unit/**/test_processes_*", "unit/**/test_launcher_files"),
    "deploy/redis": ("integration/**/test_*valkey*", "integration/**/test_embedded_redis"),
    "deploy/servers": ("unit/**/test_servers_*", "e2e/servers/test_*", "e2e/test_unix_socket"),
    "django_site": ("integration/**/test_acc*", "e2e/mounted/test_mount", "e2e/test_service"),
    "django_site/accounts": ("integration/**/test_acc*", "security/**/test_*"),
    "django_site/keys": ("integration/**/test_keys_*",),
    "django_site/principals": ("integration/**/test_principals*", "integration/**/test_whois"),
    "django_site/publishing": ("integration/**/test_principals", "security/**/test_publish_*"),
    "django_site/second_factor": (
        "integration/**/*second_factor*",
        "security/**/test_second_factor*",
    ),
    "django_site/sessions": ("integration/**/*session*", "security/**/test_*session*"),
    "django_site/signup": ("integration/**/test_accounts_signup", "security/**/test_*i*_up"),
    "django_site/staff": ("security/accounts/test_staff_power",),
    "django_site/work": ("unit/work/test_*", "browser/pages/test_*", "e2e/work/test_*"),
    "flask_api": ("integration/**/test_api_*", "unit/**/test_flask_*"),
    "flask_api/gate": (
        "integration/**/test_gate_*",
        "integration/**/test_req*",
        "e2e/attacking/test_attacks*",
    ),
    "flask_api/jobs": ("unit/**/test_jobs_*", "contract/**/test_*", "integration/**/test_engine_*"),
    "flask_api/jobs/files": ("integration/**/test_files_*",),
    "flask_api/metrics": ("integration/**/test_api_metrics*",),
    "flask_api/openapi": ("integration/**/test_openapi_*", "client/**/test_docs*"),
    "flask_api/operation": ("integration/**/test_openapi_*", "security/test_scopes"),
    "flask_api/streams": ("unit/**/test_streams", "integration/**/test_api_events*"),
    "flask_api/tasks": ("unit/**/test_tasks_*", "integration/**/test_tasks_*"),
    "flask_api/tasks/access_log": (
        "unit/**/test_tasks_access_log*",
        "integration/**/test_*_retry_*",
    ),
    "flask_api/tasks/github": ("unit/**/test_tasks_github_*", "integration/**/test_tasks_github*"),
    "flask_api/tasks/tables": ("unit/**/test_tables_*", "integration/**/test_tables_*"),
    "flask_api/tasks/web": ("unit/**/test_tasks_*", "integration/**/test_*web*"),
    "flask_api/testing": ("unit/**/test_testing_*", "integration/**/test_testing_*"),
    "gatehouse": ("client/test_*", "unit/**/test_sync_client", "unit/**/test_package_names"),
    "gatehouse/cli": ("cli/**/test_*",),
    "gatehouse/executor": ("client/executor/test_*",),
    "gatehouse/protocol": ("client/protocol/test_*", "client/transport/test_answers"),
    "gatehouse/transport": ("client/transport/test_*", "unit/**/test_sync_client"),
    "shared": (
        "unit/**/test_shared_*",
        "integration/**/test_session*",
        "integration/**/test_agreement",
    ),
    "shared/contract": ("unit/**/test_shared_*", "integration/contract/test_*"),
    "shared/http": (
        "unit/**/test_shared_*",
        "unit/**/test_client_address",
        "e2e/mounted/test_mount",
    ),
    "shared/redis": ("unit/**/test_shared_breaker", "integration/**/test_redis_gateway"),
    "shared/settings": ("unit/**/test_shared_settings*", "unit/**/test_docs"),
}


def files_that_test(source: Path) -> list[str]:
    """Return the test files of a source file or folder of this repository, by path."""
    room = next(str(each) for each in (source, *source.parents) if str(each) in ROOMS)
    found = {path for glob in ROOMS[room] for path in (ROOT / "tests").glob(f"{glob}.py")}
    if source.suffix == ".py":
        module = ".".join(source.with_suffix("").parts).removesuffix(".__init__")
        everywhere = (ROOT / "tests").rglob("test_*.py")
        found |= {path for path in everywhere if module in _imported(path)}
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _imported(path: Path) -> set[str]:
    """Return the modules that a file imports, and what it takes from them, by dotted names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def for_pytest(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the tests of each source file or folder in its place."""
    given: list[str] = []
    for argument in arguments:
        source = Path(argument.rstrip("/"))
        is_source = source.parts[:1] and source.parts[0] in ROOMS and (ROOT / source).exists()
        given += files_that_test(source) if is_source else [argument]
    return given


if __name__ == "__main__":
    sys.stdout.writelines(f"{argument}\n" for argument in for_pytest(sys.argv[1:]))
