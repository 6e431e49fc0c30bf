"""Contract tests of the job engine run on the bench that its integration tests use."""

from tests.integration.engine_fixtures import bench, engine_valkey

__all__ = ["bench", "engine_valkey"]
