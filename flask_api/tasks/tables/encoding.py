"""The encoding of a text without a mark, and how sure that is.

UTF-8 proves itself. Of the older ones, each letter says little: the web's default (cp1252) is taken
unless the bytes speak for another one. Odd bytes alone among plain letters are accents or signs,
never Chinese, Japanese or Korean; there, and in Cyrillic and Greek, they come in runs,
and most of them are of the few hundred common letters that each encoding has in one place.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Legacy = Literal[
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254",
    "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949", "euc_kr"
]  # fmt: skip
Encoding = Literal["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", Legacy]
Certainty = Literal["given", "certain", "likely", "guess"]

_RUN = re.compile(rb"[\x80-\xff]+")
# Runs of odd bytes are on average so long in writings without Latin letters.
_LONG_RUNS = 1.3
_ENOUGH = 16  # odd letters that make a guess likely
_COMMON_SHARE = 0.7

# ruff: noqa: RUF001  # letters and signs of many writings
_CYRILLIC = set("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэёОЕАИНТСРВЛКМДПУЯГЗБЧЙХЖШЮЦЩЭЁфФіїєґІЇЄўЎ№«»–—")
_GREEK = set("αοιετσνηυρπκμλςωδγχθφβξζψάέήίόύώΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏϊϋΐΰ€«»")
# Which of the Latin pages: letters that its languages use,
# and signs that stand between words in all of them.
_SIGNS = set("€£§°«»“”‘’„–—…©®·½¼¾¡¿×±²³ªº\u00a0¢¥µ•™‰†")
_WESTERN = set("äöüßéèêëàâáãåæçñóôõòíîïìúûùøœÄÖÜÉÈÊËÀÂÁÃÅÆÇÑÓÔÕÒÍÎÏÌÚÛÙØŒžšŽŠ")
_CENTRAL = set("ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽäöüßÄÖÜőűŐŰôľĺŕăâîşţĂÂÎŞŢđĐ")
_TURKISH = set("çğıöşüÇĞİÖŞÜâîû")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEncoding:
    """An encoding, and how sure it is: given by the owner, certain, likely,
    or a guess from little."""

    name: str
    certainty: Certainty


def encoding_of(odd_lines: bytes) -> FoundEncoding:
    """Return the likely encoding of lines that are no UTF-8;
    take those with bytes beyond ASCII alone."""
    runs = _RUN.findall(odd_lines)
    if not runs:
        return FoundEncoding(name="cp1252", certainty="guess")
    if sum(map(len, runs)) / len(runs) >= _LONG_RUNS:
        scores = {name: score(odd_lines) for name, score in _SCORES.items()}
        best = max(scores, key=lambda name: scores[name])
        if scores[best] >= _COMMON_SHARE:
            others = max(score for name, score in scores.items() if name != best)
            is_likely = sum(map(len, runs)) >= 2 * _ENOUGH and others < scores[best] - 0.1
            return FoundEncoding(name=best, certainty="likely" if is_likely else "guess")
    return _latin(odd_lines, sum(map(len, runs)))


def utf_16_of(head: bytes) -> str | None:
    """Return which UTF-16 this is without a mark:
    separators, digits and line ends have a zero on one side, in all writings."""
    if b"\0" not in head:
        return None
    head = head[: len(head) // 2 * 2]
    little, big = (_plain(head[n::2], head[1 - n :: 2]) for n in (0, 1))
    if max(little, big) < 0.05 * len(head) / 2 or min(little, big) > max(little, big) / 4:
        return None
    name = "utf-16-le" if little > big else "utf-16-be"
    text = head.decode(name, "replace")
    strange = sum(not (letter.isprintable() or letter in "\t\r\n") for letter in text)
    return name if strange <= 0.05 * len(text) else None


def _plain(low: bytes, high: bytes) -> int:
    return sum(
        below in b"\t\n\r" or 32 <= below < 127
        for below, above in zip(low, high, strict=True)
        if above == 0
    )


def _latin(sample: bytes, odd: int) -> FoundEncoding:
    shares = {
        name: _share_of_letters(sample, name, letters)
        for name, letters in (("cp1252", _WESTERN), ("cp1250", _CENTRAL), ("cp1254", _TURKISH))
    }
    best = max(shares, key=lambda name: shares[name])
    if best != "cp1252" and (odd < 3 or shares[best] < shares["cp1252"] + 0.1):
        best = "cp1252"
    rest = max(share for name, share in shares.items() if name != best)
    return FoundEncoding(
        name=best,
        certainty="likely" if odd >= _ENOUGH and shares[best] > max(0.9, rest) else "guess",
    )


def _share_of_letters(sample: bytes, name: str, letters: set[str]) -> float:
    """Return the share of odd characters that this page's languages use;
    a sign inside of a word is none."""
    text = f" {sample.decode(name, 'replace')} "
    odd = good = 0
    for place, letter in enumerate(text):
        if letter.isascii():
            continue
        odd += 1
        inside = text[place - 1].isalpha() and text[place + 1].isalpha()
        good += letter in letters or (letter in _SIGNS and (not inside or letter in "’·"))
    return good / max(1, odd)


def _share_of_words(name: str, letters: set[str]) -> Callable[[bytes], float]:
    """Return what scores a one-byte encoding: how many odd characters are its letters,
    and not small before large."""

    def score(sample: bytes) -> float:
        text = sample.decode(name, "replace")
        odd = [letter for letter in text if not letter.isascii()]
        good = sum(letter in letters for letter in odd)
        common = sum(letter.lower() in _MOST for letter in odd)
        turned = sum(before.islower() and letter.isupper() for before, letter in pairwise(text))
        return (good - 2 * turned - (len(odd) if common < 0.4 * len(odd) else 0)) / max(1, len(odd))

    return score


_MOST = set("оеаинтсрвлкмп") | set("αοιετσνηυρςάέίό")


def _share_of_common(
    name: str, lead: tuple[int, int], trail: tuple[int, int], *extra: tuple[int, int]
) -> Callable[[bytes], float]:
    """Return what scores a two-byte encoding: the share of its characters whose first byte is one
    of the common rows'."""

    def score(sample: bytes) -> float:
        try:
            text = sample.decode(name)
        except UnicodeDecodeError:
            try:  # the sample may begin or end in the middle of a character
                text = codecs.getincrementaldecoder(name)().decode(sample)
            except UnicodeDecodeError:
                return 0.0
        pairs = [pair for letter in text if not letter.isascii() for pair in [letter.encode(name)]]
        good = sum(
            len(pair) == 2
            and (
                (lead[0] <= pair[0] <= lead[1] and trail[0] <= pair[1] <= trail[1])
                or any(a <= pair[0] <= b for a, b in extra)
            )
            for pair in pairs
        )
        return good / max(2, len(pairs))

    return score


def _japanese(score: Callable[[bytes], float]) -> Callable[[bytes], float]:
    """Return a score that asks EUC-JP for some kana, for its characters are Chinese ones too."""

    def checked(sample: bytes) -> float:
        share = score(sample)
        kana = sum("\u3040" <= letter <= "\u30ff" for letter in sample.decode("euc_jp", "replace"))
        odd = sum(not letter.isascii() for letter in sample.decode("euc_jp", "replace"))
        return share + 0.15 if kana > 0.1 * odd else share - 0.5

    return checked


def _korean(sample: bytes) -> float:
    """Score EUC-KR: Korean has nothing but the syllables' rows,
    which a few Chinese words may have as well."""
    share = _share_of_common("cp949", (0xB0, 0xC8), (0xA1, 0xFE), (0xA1, 0xA3))(sample)
    return share + 0.1 if share > 0.95 else share - 0.3


_SCORES: dict[str, Callable[[bytes], float]] = {
    "cp1251": _share_of_words("cp1251", _CYRILLIC),
    "koi8_r": _share_of_words("koi8_r", _CYRILLIC),
    "cp1253": _share_of_words("cp1253", _GREEK),
    "cp932": _share_of_common("cp932", (0x88, 0x97), (0x40, 0xFC), (0x81, 0x83)),
    "euc_jp": _japanese(_share_of_common("euc_jp", (0xB0, 0xCF), (0xA1, 0xFE), (0xA1, 0xA5))),
    "gb18030": _share_of_common("gb18030", (0xB0, 0xD7), (0xA1, 0xFE), (0xA1, 0xA3)),
    "big5": _share_of_common("big5", (0xA4, 0xC6), (0x40, 0xFE), (0xA1, 0xA3)),
    "cp949": _korean,
}
