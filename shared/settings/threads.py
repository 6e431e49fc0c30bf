"""Threads of the server for what does not wait."""

from shared.errors import ConfigurationError
from shared.settings.api import ApiSettings
from shared.settings.server import ServerSettings


def require_free_threads(settings: ServerSettings, api_settings: ApiSettings) -> None:
    """Raise ConfigurationError when long-polls and event streams, which keep a thread each, may
    have all of them: then nothing else would be answered."""
    kept = api_settings.max_waiting + api_settings.max_streams
    if kept >= settings.server_threads:
        raise ConfigurationError(
            f"GATEHOUSE_SERVER_THREADS: it must be more than {kept}, which is what "
            "GATEHOUSE_MAX_WAITING and GATEHOUSE_MAX_STREAMS together may keep; "
            "twice as many are good"
        )
