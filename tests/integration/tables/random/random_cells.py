"""Forty kinds of cells as people and programs write them, each with what it means.

A cell's meaning is what a reader may make of its text without a loss:
a number, a date, a truth, nothing, or the text itself.
"""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

Meaning = str | bool | int | Decimal | date | time | datetime | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text and what it means; None is no value.
    ``is_word`` for a word that says so beside values, NA for example."""

    text: str
    meaning: Meaning
    is_word: bool = False


MakeCell = Callable[[random.Random], Cell]

# tables to read, no secrets
NAMES = {
    "latin": ["Ann", "Ben", "Doe, Ann", "O'Neill", "Mary Ann", "Roe; Ben", 'Bo "Bob" Lee', "a|b"],
    "western": ["Müller", "Hélène", "Peña", "Åse", "Grüße aus Köln", "10 € je Stück"],
    "central": ["Łukasz", "Dvořák", "Žižka", "Świętosława", "Ďuriš, Ján"],
    "turkish": ["Gökçe", "Iş\u0131l", "Şahin", "İnönü"],
    "cyrillic": ["Иван", "Ольга Петрова", "Москва, центр", "Київ"],
    "greek": ["Αθήνα", "Γιώργος", "Ελένη Παπαδοπούλου"],
    "japanese": ["田中", "東京都", "さくら", "カタカナ"],
    "chinese": ["张伟", "北京市", "王小明"],
    "taiwanese": ["臺北市", "陳先生"],
    "korean": ["김철수", "서울특별시"],
    "arabic": ["محمد", "القاهرة"],
    "hebrew": ["שלום", "תל אביב"],
    "emoji": ["😀 yes", "👩‍🚀", "naïve ☕"],
}
_WORDS = ("NA", "n/a", "#N/A", "NULL", "null", "NaN", "None", "-")
_SENTENCES = ("yes, no; maybe", 'say "hi"', "two\nlines", " blanks around ", "it's", "\\")
_ODD_NUMBERS = ("1.", "+5", "1_000", "0x1f", "1e400", "1e-400", "5e", "--1", "1,2,3", "٣")
_NEARLY_DATES = ("2020-02-30", "24:00:00", "today", "1:30", "2020-1-1", "2020-W05", "0000-00-00")
_PIVOT = date(1969, 1, 1)


def _text(make: Callable[[random.Random], str]) -> MakeCell:
    return lambda chance: Cell(text := make(chance), text)


def _integer(chance: random.Random) -> Cell:
    number = chance.choice(
        [chance.randint(0, 9), chance.randint(-999, 9999), chance.randint(10**15, 10**18)]
    )
    return Cell(str(number), number)


def _point(chance: random.Random) -> Cell:
    digits = chance.choice([1, 2, 2, 3, 6])
    text = f"{chance.randint(-(10**digits), 10 ** (digits + 2)) / 10**digits:.{digits}f}"
    return Cell(text, Decimal(text))


def _comma(chance: random.Random) -> Cell:
    text = f"{chance.randint(-99, 9999)},{chance.randint(0, 99):02d}"
    return Cell(text, Decimal(text.replace(",", ".")))


def _exponent(chance: random.Random) -> Cell:
    text = chance.choice(["{:e}", "{:.2e}", "{:.1E}", "{!r}"]).format(
        chance.uniform(-9, 9) * 10.0 ** chance.randint(-30, 30)
    )
    return Cell(text, Decimal(text))


def _grouped(mark: str, fraction: str) -> MakeCell:
    def make(chance: random.Random) -> Cell:
        number = chance.randint(-(10**4), 10**9)
        cents = chance.choice(["", f"{chance.randint(0, 99):02d}"]) if fraction else ""
        text = f"{number:,}".replace(",", mark) + (fraction + cents if cents else "")
        return Cell(text, Decimal(f"{number}.{cents or 0}"))

    return make


def _day(chance: random.Random) -> date:
    return _PIVOT + timedelta(days=chance.randrange(36_000))


def _moment(chance: random.Random) -> datetime:
    return datetime.combine(
        _day(chance), time(chance.randrange(24), chance.randrange(60), chance.randrange(60))
    )


def _date(shape: str, *, is_bare: bool = False) -> MakeCell:
    def make(chance: random.Random) -> Cell:
        day = _day(chance)
        text = day.strftime(shape)
        return Cell(
            "/".join(part.lstrip("0") for part in text.split("/")) if is_bare else text, day
        )

    return make


def _time(shape: str) -> MakeCell:
    def make(chance: random.Random) -> Cell:
        moment = _moment(chance)
        if "%S" not in shape:
            moment = moment.replace(second=0)
        return Cell(moment.strftime(shape), moment)

    return make


def _zoned(chance: random.Random) -> Cell:
    moment = _moment(chance).replace(
        tzinfo=timezone(timedelta(minutes=chance.choice([0, 60, 120, -300, 330])))
    )
    return Cell(moment.isoformat(sep=chance.choice(" T")), moment.astimezone(UTC))


def _fraction(chance: random.Random) -> Cell:
    moment = _moment(chance).replace(microsecond=chance.randrange(10**6))
    return Cell(moment.isoformat(), moment)


def _hour(chance: random.Random) -> Cell:
    moment = _moment(chance).time()
    return Cell(moment.isoformat(), moment)


def _truth(yes: str, no: str) -> MakeCell:
    return lambda chance: Cell(yes, True) if chance.random() < 0.5 else Cell(no, False)


def _names(*scripts: str) -> MakeCell:
    return _text(lambda chance: chance.choice(NAMES[chance.choice(scripts)]))


def _digits(chance: random.Random, count: int, letters: str = string.digits) -> str:
    return "".join(chance.choices(letters, k=count))


def _word(chance: random.Random) -> Cell:
    return Cell(chance.choice(_WORDS), None, is_word=True)


KINDS: dict[str, MakeCell] = {
    "integer": _integer,
    "point": _point,
    "comma": _comma,
    "exponent": _exponent,
    "thousands, commas": _grouped(",", "."),
    "thousands, points": _grouped(".", ","),
    "thousands, blanks": _grouped(" ", ","),
    "thousands, apostrophes": _grouped("'", "."),
    "iso date": _date("%Y-%m-%d"),
    "d/m/Y": _date("%d/%m/%Y", is_bare=True),
    "m/d/Y": _date("%m/%d/%Y"),
    "d.m.Y": _date("%d.%m.%Y"),
    "m.d.Y": _date("%m.%d.%Y"),
    "d-m-Y": _date("%d-%m-%Y"),
    "Y/m/d": _date("%Y/%m/%d"),
    "d/m/y": _date("%d/%m/%y"),
    "d.m.y": _date("%d.%m.%y"),
    "iso moment": _time("%Y-%m-%d %H:%M:%S"),
    "iso moment with a fraction": _fraction,
    "iso moment with an offset": _zoned,
    "moment with PM": _time("%m/%d/%Y %I:%M %p"),
    "hour": _hour,
    "true": _truth("true", "false"),
    "yes": _truth("yes", "no"),
    "Y": _truth("Y", "N"),
    "on": _truth("on", "off"),
    "T": _truth("T", "F"),
    "one letter": _text(lambda chance: "F"),
    "digits beyond a double": _text(lambda chance: _digits(chance, 1, "123456789") + _digits(chance, chance.randint(16, 30))),
    "leading zeros": _text(lambda chance: f"{chance.randint(0, 99_999):05d}"),
    "code with E": _text(lambda chance: f"{chance.randint(1, 99)}E{chance.randint(0, 9)}"),
    "hash": _text(lambda chance: _digits(chance, 7, "0123456789abcdef")),
    "version": _text(lambda chance: ".".join(str(chance.randint(0, 12)) for _ in range(3))),
    "short version": _text(lambda chance: f"{chance.randint(1, 3)}.{chance.randint(0, 20)}"),
    "part number": _text(lambda chance: "-".join(_digits(chance, 2) for _ in range(3))),
    "phone": _text(lambda chance: f"+49 {chance.randint(30, 99)} {chance.randint(10**5, 10**6)}"),
    "country": _text(lambda chance: chance.choice(["DE", "FR", "NA", "NO"])),
    "percent": _text(lambda chance: f"{chance.randint(0, 100)}%"),
    "sentence": _text(lambda chance: chance.choice(_SENTENCES)),
    "latin names": _names("latin", "western"),
    "european names": _names("latin", "central", "turkish"),
    "cyrillic names": _names("cyrillic"),
    "greek names": _names("greek"),
    "japanese names": _names("japanese"),
    "chinese names": _names("chinese", "taiwanese"),
    "korean names": _names("korean"),
    "right to left": _names("arabic", "hebrew"),
    "emoji": _names("emoji"),
    "odd numbers": _text(lambda chance: chance.choice(_ODD_NUMBERS)),
    "nearly dates": _text(lambda chance: chance.choice(_NEARLY_DATES)),
    "infinite": lambda chance: Cell(text := chance.choice(["inf", "-inf", "Infinity"]), Decimal(text)),
    "empty": lambda chance: Cell("", None),
    "missing": _word,
}  # fmt: skip


def empty(chance: random.Random) -> Cell:
    """Return a cell that holds nothing: no letter at all, or blanks."""
    return Cell(chance.choice(["", "", "", " "]), None)
