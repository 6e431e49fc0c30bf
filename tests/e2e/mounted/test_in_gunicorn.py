"""The lines of docs/deploy.md that mount the whole in somebody else's program, as they stand."""

import re
import sys
from pathlib import Path

import httpx

from shared.settings import ROOT
from tests.e2e.service import ServiceProcess

_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


class MountedByGunicorn(ServiceProcess):
    """A program of somebody's under gunicorn, with their settings of it, that mounts ours."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, mount="/tools")
        text = (ROOT / "docs" / "deploy.md").read_text().partition("## Ours inside theirs")[2]
        program, hooks = _BLOCK.findall(text.partition("\n## ")[0])
        program = program.partition('if __name__ == "__main__"')[0]
        program = program.replace("from shop.wsgi import", "from tests.e2e.mounted.shop import")
        (folder / "shop_server.py").write_text(program)
        (folder / "theirs.py").write_text(hooks)
        address = f"127.0.0.1:{self.port}"
        self._command = [
            *(sys.executable, "-m", "gunicorn", "-c", str(folder / "theirs.py"), "-b", address),
            *("--pythonpath", f"{folder},{ROOT}", "--threads", "4", "--no-control-socket"),
            "shop_server:application",
        ]


def test_lines_of_the_documentation_mount_the_whole_in_gunicorn(tmp_path: Path) -> None:
    """Both applications answer, jobs are accepted, and a stop ends it in order."""
    with MountedByGunicorn(tmp_path / "service") as service:
        ready = httpx.get(f"{service.address}/tools/api/health/ready", trust_env=False)
        assert (ready.status_code, ready.json()["status"]) == (200, "ready"), service.log
        assert "/cart" in httpx.get(f"{service.address}/cart", trust_env=False).text
        service.ask_to_stop()
        assert service.wait_for_exit() == 0, service.log
        assert "Traceback" not in service.log
