"""Django's side and an API that this process serves beside it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from shared.http.beside import offer_api, withdraw_api


@pytest.fixture
def beside(site: None, app: Flask) -> Iterator[Flask]:
    """The API with the sample tasks, offered to Django's side as the service does."""
    offer_api(app)
    yield app
    withdraw_api(app)
