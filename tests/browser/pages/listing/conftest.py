"""A list of many jobs."""

from tests.browser.pages.listing.long_list import long_list

__all__ = ["long_list"]
