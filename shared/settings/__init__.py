"""Every setting, typed, from one place: the environment,
else the files that script/server keeps under var/.

The variables are the field names in capitals with the prefix ``GATEHOUSE_``. Three groups, so that
a process is given only what its side needs: the API is never given Django's SECRET_KEY.

    ContractSettings     both sides, var/contract.env: Redis, session secrets, lifetimes,
                         cookie name, the API's prefix
    ├── WriterSettings   var/site.env: what writes sessions; SiteSettings adds our own site's
    ├── ApiSettings      var/api.env: the Flask API and its jobs
    │   └── WorkerSettings   var/api.env, var/worker.env: a worker on any machine
    └── ServerSettings   wsgi.py and gunicorn.conf.py
"""

from shared.environment import ENV_PREFIX, ROOT, start_dir, var_dir
from shared.settings.api import ApiSettings
from shared.settings.contract import DAY_S, ContractSettings
from shared.settings.fields import SECRET_MIN_LENGTH, RedisUrl, Secret
from shared.settings.load import (
    SettingsT,
    forget_secrets,
    load_settings,
    misspelt_settings,
    require_settings,
    server_mount,
)
from shared.settings.server import ServerSettings
from shared.settings.site import SiteSettings, WriterSettings
from shared.settings.threads import require_free_threads
from shared.settings.worker import WorkerSettings

__all__ = [
    "DAY_S",
    "ENV_PREFIX",
    "ROOT",
    "SECRET_MIN_LENGTH",
    "ApiSettings",
    "ContractSettings",
    "RedisUrl",
    "Secret",
    "ServerSettings",
    "SettingsT",
    "SiteSettings",
    "WorkerSettings",
    "WriterSettings",
    "forget_secrets",
    "load_settings",
    "misspelt_settings",
    "require_free_threads",
    "require_settings",
    "server_mount",
    "start_dir",
    "var_dir",
]
