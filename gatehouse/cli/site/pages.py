"""Reading the site's pages: the forms in one, with what they send unasked,
and what a page complains about."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(slots=True)
class Form:
    """A form of a page: where it goes, and its fields with their values (the cross-site token is
    one)."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class SitePage(HTMLParser):
    """A page of the site. ``complaints`` are the errors its forms show (Django's ``errorlist``)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.complaints: list[str] = []
        self._is_complaining = False
        self.feed(text)

    def find_form(self, name: str) -> Form | None:
        """Return the first form that has a field of this name."""
        return next((form for form in self.forms if name in form.fields), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, a field, or the beginning of a list of errors."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(action=values.get("action", "")))
        elif tag == "input" and self.forms and values.get("name"):
            if values.get("type") not in ("checkbox", "radio", "submit"):
                self.forms[-1].fields[values["name"]] = values.get("value", "")
        elif tag == "ul":
            self._is_complaining = "errorlist" in values.get("class", "").split()

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a list of errors."""
        if tag == "ul":
            self._is_complaining = False

    def handle_data(self, data: str) -> None:
        """Keep what stands in a list of errors."""
        if self._is_complaining and data.strip():
            self.complaints.append(" ".join(data.split()))
