"""What only the Flask API and its jobs need."""

import json
import os
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.contract.entries import JOBS_SLOT, SESSIONS_SLOT
from shared.environment import ENV_PREFIX
from shared.redis.cluster import with_entry
from shared.settings.contract import DAY_S, ContractSettings
from shared.settings.fields import AmqpUrl, RedisUrl, Secret, WordList, split_list, split_pairs


class ApiSettings(ContractSettings):
    """What only the Flask API and its jobs need."""

    env_files: ClassVar[tuple[str, ...]] = ("contract.env", "api.env")

    api_redis_url: RedisUrl | None = Field(
        None, description="Redis as the user that may only read sessions; else GATEHOUSE_REDIS_URL"
    )
    jobs_redis_url: RedisUrl | None = Field(
        None, description="Redis for jobs; else as for sessions"
    )
    task_modules: WordList = Field(
        ("flask_api.tasks.library",), description="modules with tasks, comma-separated"
    )
    executors: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="where attempts run instead, JSON: a task, an executor or * and the executor "
        'that takes its place, {"processes": "rq"}',
    )
    celery_broker_url: AmqpUrl | None = Field(
        None,
        description="RabbitMQ that carries attempts to Celery's workers, "
        "amqp://user:password@host/vhost or amqps://; else the Redis of jobs",
    )
    worker_secrets: Annotated[tuple[Secret, ...], NoDecode] = Field(
        (),
        description="signs what is sent to workers on other machines, which have it too; "
        "comma-separated, the first signs and all verify",
    )
    job_threads: int = Field(
        16, ge=1, le=1000, description="jobs that one process runs at once on threads"
    )
    job_processes: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        description="child processes for jobs; else one per processor",
    )
    job_running_limit: int = Field(
        12, ge=1, description="jobs of one person that one process runs at once on threads"
    )
    job_person_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of a process's slots that one person's jobs take while another's wait, "
        "at most all but one",
    )
    job_person_limit: int = Field(
        20_000, ge=1, description="unfinished jobs that one person may have"
    )
    person_bytes: int = Field(
        200_000_000,
        ge=10_000,
        description="bytes in Redis that the jobs of one person may keep, ended ones included",
    )
    person_ended_jobs: int = Field(100_000, ge=1, description="ended jobs that one person may keep")
    person_file_bytes: int = Field(
        10_000_000_000, ge=1, description="bytes of files that the jobs of one person may keep"
    )
    job_queue_limit: int = Field(50_000, ge=1, description="unfinished jobs that one process holds")
    job_ttl_s: int = Field(
        7 * DAY_S, ge=1, description="how long a finished job is kept, in seconds"
    )
    job_heartbeat_s: int = Field(
        10,
        ge=2,
        le=60,
        description="seconds without a heartbeat after which a process is taken for dead",
    )
    job_files_url: str = Field(
        "", description="fsspec URL of the folder for jobs' files; else var/files"
    )
    job_file_max_bytes: int = Field(
        100_000_000, ge=1, description="largest file that a job may keep"
    )
    job_files_max: int = Field(100, ge=0, description="files that a job may keep")
    table_temp_bytes: int = Field(
        6_000_000_000,
        ge=1_000_000,
        description="temporary disk space that one run of tables.parse may use, in bytes",
    )
    upload_ttl_s: int = Field(
        DAY_S,
        ge=1,
        description="seconds that an uploaded file is kept; longer if an unfinished job needs it",
    )
    upload_person_bytes: int = Field(
        10_000_000_000, ge=1, description="bytes of uploaded files that one person may keep"
    )
    upload_person_files: int = Field(
        1_000, ge=1, description="uploaded files that one person may keep"
    )
    batch_max: int = Field(10_000, ge=1, le=10_000, description="jobs in one batch")
    batch_body_max_bytes: int = Field(
        16_777_216, ge=1024, description="largest request body of a batch"
    )
    allow_volatile_redis: bool = Field(
        False, description="start on a Redis that may lose accepted jobs"
    )
    job_result_max_bytes: int = Field(
        1_048_576, ge=1024, description="largest result of a job, as JSON"
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, description="largest request body of the API")
    max_wait_s: int = Field(30, ge=0, le=300, description="longest long-poll")
    max_parked: int = Field(
        10_000,
        ge=0,
        description="event streams and long-polls held at once by one process; beyond it streams "
        "are refused and long-polls answer at once",
    )
    max_parked_person: int = Field(100, ge=0, description="of these, how many of one person")
    max_waiting: int = Field(
        8,
        ge=0,
        description="long-polls of one process, half of them of one person, where the server "
        "keeps a thread for each; 0: none anywhere",
    )
    max_streams: int = Field(
        8,
        ge=0,
        description="event streams of one process, half of them of one person, where the "
        "server keeps a thread for each; 0: none anywhere",
    )
    stream_heartbeat_s: float = Field(
        10,
        gt=0,
        le=60,
        description="seconds of silence after which an event stream sends a heartbeat",
    )
    metrics: str = Field(
        "open",
        pattern="^(open|closed)$",
        description="who may read /api/metrics: open (everybody), closed (staff)",
    )
    audience_secrets: Annotated[dict[str, Secret], NoDecode] = Field(
        {},
        description="services that /api/auth signs for, each with a secret that it shares, "
        "comma-separated: reports=SECRET",
    )
    web_allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (),
        description="private networks that web tasks may fetch from, comma-separated: 10.1.0.0/16",
    )
    web_host_connections: int = Field(
        8, ge=1, le=1000, description="connections of web tasks to one address, per process"
    )
    web_user_agent: str = Field(
        "",
        pattern=r"^[\x20-\x7e]*$",
        description="who web tasks say they are; name a contact: Example-Bot "
        "(+https://example.org/bot)",
    )

    @field_validator("task_modules", "worker_secrets", "web_allowed_networks", mode="before")
    @classmethod
    def _split_lists(cls, value: Any) -> Any:
        return split_list(value)

    @field_validator("executors", mode="before")
    @classmethod
    def _read_executors(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            read = json.loads(value or "{}")
        except ValueError:
            read = None
        if not isinstance(read, dict) or not all(isinstance(each, str) for each in read.values()):
            raise ValueError('it must be a JSON object of names, {"processes": "rq"}')
        return read

    @field_validator("audience_secrets", mode="before")
    @classmethod
    def _split_pairs(cls, value: Any) -> Any:
        return split_pairs(value)

    @property
    def session_store_url(self) -> str:
        """The Redis URL that the gate reads sessions, principals and keys with."""
        url = (self.api_redis_url or self.redis_url).get_secret_value()
        return with_entry(url, SESSIONS_SLOT)

    @property
    def session_store_variable(self) -> str:
        """The variable that names the Redis of the gate."""
        return f"{ENV_PREFIX}{'API_' if self.api_redis_url else ''}REDIS_URL"

    @property
    def job_store_variable(self) -> str:
        """The variable that names the Redis of the job engine."""
        own, apis = self.jobs_redis_url, self.api_redis_url
        return f"{ENV_PREFIX}{'JOBS_' if own else 'API_' if apis else ''}REDIS_URL"

    @property
    def job_store_url(self) -> str:
        """The Redis URL of the job engine."""
        named = self.jobs_redis_url or self.api_redis_url or self.redis_url
        return with_entry(named.get_secret_value(), JOBS_SLOT)
