"""What the API says of a problem, in the page's language.

The API speaks English, to programs too. Its sentences that people meet are listed here as it says
them, with places for what differs: a sentence is known by its words, said in the page's language
with the same values in place, and shown as it is where it is not on the list. A test compares the
list with what the API says.
"""

import re
from functools import cache

from django.utils.translation import get_language, gettext, gettext_noop

# Longer ones are no sentences of ours.
_LONGEST = 600
_PLACE = re.compile(r"%\((\w+)\)s")
# What is accepted, as JSON Schema, for programs.
_FOR_PROGRAMS = "; accepted: {"
# What stands in a place: else a number, or one word.
_TAKEN = {"names": ".+", "reason": ".+", "time": ".+", "pattern": ".+", "choices": "'.+'"}

SENTENCES = (
    # of jobs and batches
    gettext_noop("There is no such job."),
    gettext_noop("There is no such batch."),
    gettext_noop("The job has no such file."),
    gettext_noop("The job expired at %(time)s; its result is gone."),
    gettext_noop("The batch expired at %(time)s; its results are gone."),
    gettext_noop("The job has ended already."),
    gettext_noop("The job has not ended: cancel it first, or wait for its end."),
    gettext_noop("The batch has jobs that have not ended: cancel it first, or wait for its end."),
    gettext_noop(
        "Only a job that failed or was cancelled can be retried, and only as long as it is kept."
    ),
    gettext_noop("A job of a batch can't be retried alone: submit it again."),
    gettext_noop("There is no task of this name; there are: %(names)s."),
    # of limits
    gettext_noop("You have %(unfinished)s unfinished jobs; at most %(limit)s are accepted."),
    gettext_noop(
        "You have %(unfinished)s unfinished jobs, and this batch has %(count)s; at most %(limit)s "
        "are accepted."
    ),
    gettext_noop(
        "This server holds as many unfinished jobs as it may (%(limit)s); try again later."
    ),
    gettext_noop("You keep %(used)s ended jobs; at most %(limit)s may be kept: delete some."),
    gettext_noop(
        "Your jobs keep %(used)s bytes of at most %(limit)s, and this does not fit: delete ended "
        "jobs."
    ),
    gettext_noop("You share as much as you may: %(limit)s addresses. End one first."),
    gettext_noop("The job is shared %(limit)s times. End a share first."),
    gettext_noop("You keep %(limit)s files, as many as you may: delete some."),
    gettext_noop(
        "All your files together may have at most %(limit)s bytes, and have %(used)s: delete some."
    ),
    gettext_noop("The file is too large: it must be at most %(limit)s bytes."),
    gettext_noop("There is no such file; uploaded files expire."),
    gettext_noop("A file was deleted meanwhile: upload it again."),
    gettext_noop("Every place for event streams is taken; follow by ?wait= and try again later."),
    # of what is away for a moment
    gettext_noop("The server is shutting down; try again shortly."),
    gettext_noop("This server is not ready for jobs; try again shortly."),
    gettext_noop("This server was away for too long; submit it again."),
    gettext_noop("Redis is slow just now; try again shortly."),
    gettext_noop("The job moves between servers; try again shortly."),
    gettext_noop("Something went wrong on our side; the error id is in our log."),
    # of arguments
    gettext_noop("The arguments of %(name)s are wrong."),
    gettext_noop("Some arguments of %(name)s are wrong; nothing was accepted."),
    gettext_noop("There is no such argument; accepted: %(names)s."),
    gettext_noop("Give at least one of %(names)s."),
    gettext_noop("NaN and Infinity are not JSON numbers."),
    gettext_noop("An object has a member that its schema does not name."),
    gettext_noop("The body is nested too deeply."),
    gettext_noop("must be at most %(limit)s sets"),
    # of a table
    gettext_noop("must be 1 to %(limit)s, a column of this table"),
    gettext_noop("This table is too large for it: download it whole"),
    # of an argument, as pydantic says it
    gettext_noop("Field required"),
    gettext_noop("Input should be a valid string"),
    gettext_noop("Input should be a valid integer"),
    gettext_noop("Input should be a valid integer, unable to parse string as an integer"),
    gettext_noop("Input should be a valid integer, got a number with a fractional part"),
    gettext_noop("Input should be a valid number"),
    gettext_noop("Input should be a valid number, unable to parse string as a number"),
    gettext_noop("Input should be a finite number"),
    gettext_noop("Input should be a valid boolean"),
    gettext_noop("Input should be a valid boolean, unable to interpret input"),
    gettext_noop("Input should be a valid list"),
    gettext_noop("Input should be a valid dictionary"),
    gettext_noop("Input should be an object"),
    gettext_noop("Input should be a valid date"),
    gettext_noop("Input should be a valid datetime"),
    gettext_noop("Datetimes provided to dates should have zero time - e.g. be exact dates"),
    gettext_noop("Input should be a valid date or datetime, %(reason)s"),
    gettext_noop("Input should be a valid date in the format YYYY-MM-DD, %(reason)s"),
    gettext_noop("Input should be a valid datetime or date, %(reason)s"),
    gettext_noop("Input should be a valid datetime, %(reason)s"),
    gettext_noop("Input should have timezone info"),
    gettext_noop("Input should be a valid URL, %(reason)s"),
    gettext_noop("URL scheme should be %(choices)s"),
    gettext_noop("Input should be greater than or equal to %(limit)s"),
    gettext_noop("Input should be greater than %(limit)s"),
    gettext_noop("Input should be less than or equal to %(limit)s"),
    gettext_noop("Input should be less than %(limit)s"),
    gettext_noop("Input should be a multiple of %(limit)s"),
    gettext_noop("Input should be %(choices)s"),
    gettext_noop("Extra inputs are not permitted"),
    gettext_noop("String should have at least %(limit)s character"),
    gettext_noop("String should have at least %(limit)s characters"),
    gettext_noop("String should have at most %(limit)s character"),
    gettext_noop("String should have at most %(limit)s characters"),
    gettext_noop("String should match pattern %(pattern)s"),
    gettext_noop("List should have at least %(limit)s item after validation, not %(was)s"),
    gettext_noop("List should have at least %(limit)s items after validation, not %(was)s"),
    gettext_noop("List should have at most %(limit)s item after validation, not %(was)s"),
    gettext_noop("List should have at most %(limit)s items after validation, not %(was)s"),
    # and why it is none, in the place of a reason
    gettext_noop("input is too short"),
    gettext_noop("input is empty"),
    gettext_noop("invalid character in year"),
    gettext_noop("month value is outside expected range of 1-12"),
    gettext_noop("day value is outside expected range"),
    gettext_noop("unexpected extra characters at the end of the input"),
    gettext_noop("relative URL without a base"),
    gettext_noop("empty host"),
    gettext_noop("invalid port number"),
)


def in_words(text: str) -> str:
    """Return what the API says in the page's language; in English what is not known."""
    if (get_language() or "en").startswith("en"):
        return text
    said, mark, rest = text.partition(_FOR_PROGRAMS)
    known = find_sentence(said)
    if known is None:
        return text
    sentence, values = known
    values = {name: _value_in_words(name, value) for name, value in values.items()}
    return f"{gettext(sentence) % values}{mark}{rest}"


def _value_in_words(name: str, value: str) -> str:
    if name == "choices":
        last = gettext("or")
        return value.replace("' or '", f"' {last} '")
    return gettext(value) if name == "reason" and value in _known()[0] else value


def find_sentence(text: str) -> tuple[str, dict[str, str]] | None:
    """Return which sentence a text is, and its values; None for another."""
    if len(text) > _LONGEST:
        return None
    exact, patterns = _known()
    if text in exact:
        return text, {}
    for sentence, pattern in patterns:
        if match := pattern.fullmatch(text):
            return sentence, match.groupdict()
    return None


@cache
def _known() -> tuple[frozenset[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    """Return the sentences without places, and the others with their patterns."""
    exact = frozenset(each for each in SENTENCES if not _PLACE.search(each))
    return exact, tuple((each, _pattern(each)) for each in SENTENCES if each not in exact)


def _pattern(sentence: str) -> re.Pattern[str]:
    """Return what matches a sentence. One place at most takes anything, so a text is read once."""
    parts = _PLACE.split(sentence)
    pieces = [re.escape(parts[0])]
    for name, after in zip(parts[1::2], parts[2::2], strict=True):
        pieces += [f"(?P<{name}>{_TAKEN.get(name, '[^ ,;]{1,100}')})", re.escape(after)]
    return re.compile("".join(pieces), re.DOTALL)
