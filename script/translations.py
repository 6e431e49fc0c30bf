#!/usr/bin/env python3
"""Bring the catalogues of the pages' texts up to date: docs/translation.md.

    .venv/bin/python script/translations.py            after each change of a text or a translation
    .venv/bin/python script/translations.py --check    say what is not up to date, or not translated
    .venv/bin/python script/translations.py --add nl   begin a language

The texts stand in English in the source. A person edits the .po files below django_site/locale;
made of them, and committed, are the .mo files that Django reads, and a module for each language
that the page scripts read: what is installed needs neither gettext nor a step that compiles.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation import to_language, to_locale

ROOT = Path(__file__).parents[1]
SITE = ROOT / "django_site"
LOCALE = SITE / "locale"
SCRIPTS = SITE / "static" / "gatehouse"
PAGES, OF_SCRIPTS = "django", "djangojs"
# Our texts stand in it; its catalogue has those of Django and django-allauth, spelled as ours are.
SOURCE = "en"
_FUNCTIONS = {
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "_": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "ngettext_noop": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_IN_SCRIPTS = {"gettext": None, "ngettext": (1, 2)}
# A script's texts may stand within the values of a template, too: `${gettext("…")}`.
_OPTIONS = {"parse_template_string": True}
_PLURAL = re.compile(r"[n0-9 %!=<>&|?:()]+")
_NAMED = re.compile(r"(?:%\(|\{)(\w+)(?:\)[sdr]|\})")

Message = tuple[str, object, str]  # where, what, in which context


def found_in_pages() -> Iterator[Message]:
    """Yield the texts of Python modules and templates."""
    from django.utils.translation.template import templatize

    for path in sorted([*SITE.rglob("*.py"), *(SITE / "templates").rglob("*.*")]):
        if "migrations" in path.parts:
            continue
        text = path.read_text()
        if path.suffix != ".py":
            # What is no tag becomes X's, and where they stand must mean nothing.
            text = "\n".join(line.strip() for line in templatize(text).split("\n"))
        yield from _found(path, "python", text, _FUNCTIONS)


def found_in_scripts() -> Iterator[Message]:
    """Yield the texts of the page scripts."""
    for path in sorted(SCRIPTS.glob("*.js")):
        yield from _found(path, "javascript", path.read_text(), _IN_SCRIPTS)


def _found(path: Path, kind: str, text: str, functions: Mapping[str, object]) -> Iterator[Message]:
    where = str(path.relative_to(ROOT))
    source = BytesIO(text.encode())
    for _, message, _, context in extract(kind, source, functions, options=_OPTIONS):  # type: ignore[arg-type]
        yield where, message, context or ""


def merged(path: Path, found: list[Message], locale: str) -> Catalog:
    """Return the catalogue of this file with exactly the texts that were found."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=locale)
    template = Catalog()
    for where, message, context in found:
        template.add(message, locations=[(where, None)], context=context or None)  # type: ignore[arg-type, list-item]
    made = catalog.creation_date
    catalog.update(template, no_fuzzy_matching=True)
    catalog.creation_date = made
    catalog.obsolete.clear()
    return catalog


def po_of(catalog: Catalog) -> bytes:
    """Return the file that a translator edits."""
    out = BytesIO()
    write_po(out, catalog, width=100, sort_by_file=True, include_lineno=False)
    return out.getvalue()


def mo_of(catalog: Catalog) -> bytes:
    """Return the file that Django reads."""
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def module_of(catalog: Catalog, locale: str) -> bytes:
    """Return the module that the page scripts read."""
    plural = catalog.plural_expr
    if not _PLURAL.fullmatch(plural):
        raise SystemExit(f"{locale}: no plural rule of gettext's: {plural}")
    texts = {
        each.id if isinstance(each.id, str) else each.id[0]: each.string
        for each in catalog
        if each.id and not each.fuzzy and all(_strings(each.string))
    }
    body = json.dumps(texts, ensure_ascii=False, indent=1)
    source = f"locale/{locale}/LC_MESSAGES/{OF_SCRIPTS}.po"
    return (
        f"// Made of {source} by script/translations.py: change that.\n"
        f'import {{ learn }} from "../words.js";\n\nlearn({body}, (n) => Number({plural}));\n'
    ).encode()


def complaints(catalog: Catalog, path: Path) -> Iterator[str]:
    """Say which texts are not translated, or not as their placeholders want it."""
    where = path.relative_to(ROOT)
    for each in catalog:
        if not each.id:
            continue
        said = _strings(each.string)
        name = f"{where}: {_strings(each.id)[0]!r}"
        if each.fuzzy or not all(said) or len(said) not in (1, catalog.num_plurals):
            yield f"{name} is not translated"
            continue
        wanted = {part for text in _strings(each.id) for part in _NAMED.findall(text)}
        for text in said:
            given = set(_NAMED.findall(text))
            # One of a plural's forms may say its number in a word.
            if not given <= wanted or (len(said) == 1 and given != wanted):
                yield f"{name} has other placeholders in {text!r}"


def _strings(value: Any) -> list[str]:
    return (
        [value or ""] if value is None or isinstance(value, str) else [str(each) for each in value]
    )


def wanted_files(
    locale: str, found: dict[str, list[Message]]
) -> tuple[dict[Path, bytes], list[str]]:
    """Return what each file of a language should hold, and what is to be said of its texts."""
    folder = LOCALE / locale / "LC_MESSAGES"
    if locale == SOURCE:
        return spelled_files(folder / f"{PAGES}.po")
    files: dict[Path, bytes] = {}
    said: list[str] = []
    for domain, messages in found.items():
        path = folder / f"{domain}.po"
        catalog = merged(path, messages, locale)
        files[path] = po_of(catalog)
        said += complaints(catalog, path)
        if domain == PAGES:
            files[path.with_suffix(".mo")] = mo_of(catalog)
        else:
            files[SCRIPTS / "words" / f"{to_language(locale)}.js"] = module_of(catalog, locale)
    return files, said


def spelled_files(path: Path) -> tuple[dict[Path, bytes], list[str]]:
    """Return the same of others' texts in our own language: all that are there are wanted."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=SOURCE)
    files = {path: po_of(catalog), path.with_suffix(".mo"): mo_of(catalog)}
    return files, list(complaints(catalog, path))


def add(language: str) -> None:
    """Begin a language: catalogues without a translation."""
    locale = to_locale(language)
    folder = LOCALE / locale / "LC_MESSAGES"
    begun = po_of(Catalog(locale=locale, project="Gatehouse", fuzzy=False))
    folder.mkdir(parents=True)
    for domain in (PAGES, OF_SCRIPTS):
        (folder / f"{domain}.po").write_bytes(begun)


def main() -> int:
    """Write the files, or with --check compare them."""
    parser = argparse.ArgumentParser(description="the catalogues of the pages' texts")
    parser.add_argument("--check", action="store_true", help="only say what is not up to date")
    parser.add_argument("--add", metavar="CODE", help="begin a language")
    asked = parser.parse_args()
    if asked.add:
        add(asked.add)
    found = {PAGES: list(found_in_pages()), OF_SCRIPTS: list(found_in_scripts())}
    is_good = True
    for locale in sorted(each.name for each in LOCALE.iterdir()):
        files, said = wanted_files(locale, found)
        for path, content in files.items():
            if path.exists() and path.read_bytes() == content:
                continue
            if asked.check:
                said.append(f"{path.relative_to(ROOT)} is not up to date: script/translations.py")
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
        is_good &= not said
        sys.stdout.writelines(f"{line}\n" for line in said)
    return 0 if is_good or not asked.check else 1


if __name__ == "__main__":
    os.chdir(ROOT)
    raise SystemExit(main())
