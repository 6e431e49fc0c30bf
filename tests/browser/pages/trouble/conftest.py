"""Answers that a test holds up, loses or fails."""

from tests.browser.pages.trouble.answers import answers

__all__ = ["answers"]
