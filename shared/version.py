"""The version of Gatehouse, the one place where it is written:
packages, the API and its document read it here."""

VERSION = "0.1.0"
