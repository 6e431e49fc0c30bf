"""A browser's User-Agent in words that its owner recognizes: "Firefox on Linux".
A guess, for display only."""

from django.utils.translation import gettext as _

# In this order: Edge and Opera say Chrome too, Chrome says Safari too;
# an iPhone says Mac OS X, Android says Linux.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "Windows": "Windows",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
_MAX_LENGTH = 40


def describe_device(user_agent: str) -> str:
    """Return a short name for what sent this User-Agent;
    of one that is no known browser, its first word."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if browser:
        words = _("%(browser)s on %(system)s")
        return words % {"browser": browser, "system": system} if system else browser
    first_word = user_agent.partition(" ")[0][:_MAX_LENGTH]
    return first_word or _("Unknown device")


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
