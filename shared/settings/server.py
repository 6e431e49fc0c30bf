"""What the servers need: wsgi.py (CherryPy) and gunicorn.conf.py."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from shared.settings.contract import ContractSettings
from shared.settings.fields import WordList, listening_host, split_list


class ServerSettings(ContractSettings):
    """What the servers need: wsgi.py (CherryPy) and gunicorn.conf.py."""

    host: Annotated[str, AfterValidator(listening_host)] = Field(
        "127.0.0.1", min_length=1, description="address to listen on"
    )
    port: int = Field(8080, ge=1, le=65_535, description="port to listen on")
    server_threads: int = Field(
        32, ge=2, le=1000, description="requests that one process answers at once"
    )
    server_connections: int = Field(
        16_384, ge=16, le=1_000_000, description="most connections that one process holds open"
    )
    address_connections: int = Field(
        512,
        ge=1,
        description="connections of one address (IPv6: /48) to one process; not behind "
        "a trusted proxy",
    )
    server_workers: int = Field(2, ge=1, le=256, description="gunicorn's worker processes")
    drain_s: int = Field(
        20, ge=1, le=600, description="seconds that running requests and jobs get after SIGTERM"
    )
    jobs_redis_bytes: int = Field(
        1_000_000_000,
        ge=8_000_000,
        description="memory of script/server's own Redis for jobs; full, it refuses new ones",
    )
    mounts: WordList = Field(
        (),
        description="WSGI applications beside ours, comma-separated: "
        "/shop=shop.wsgi:application; behind the gate",
    )
    mounts_open: WordList = Field(
        (), description="paths of those that are not behind the gate, comma-separated"
    )
    site_max_body_bytes: int = Field(
        16_777_216, ge=1024, description="largest request body of the whole service"
    )

    @property
    def host_and_port(self) -> str:
        """What to listen on, as URLs write it: an IPv6 address is in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @field_validator("mounts", "mounts_open", mode="before")
    @classmethod
    def _split_server_lists(cls, value: Any) -> Any:
        return split_list(value)
