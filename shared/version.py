"""The version of Gatehouse: what the API's document and its User-Agent say. A test holds it equal to pyproject.toml."""

VERSION = "0.1.0"
