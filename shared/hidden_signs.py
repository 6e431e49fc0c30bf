"""Signs of a text that a screen acts on instead of showing them, or that hide: terminal escapes and
other control characters, and those that turn the direction of text around."""

# For a class of a regular expression: the controls of ASCII and ISO 8859-1 but tab and line feed;
# the marks and overrides of bidirectional text (UAX 9); what is invisible or no character.
# django_site/static/gatehouse/live.js has the same ones.
HIDDEN = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e"
    "\\u2060-\\u2064\\u2066-\\u2069\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff"
)
