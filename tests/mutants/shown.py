"""The guards of what a page or a file shows of what a task wrote."""

from tests.mutants.mutant import Mutant, of

_MARKDOWN = "django_site/work/results/markdown.py"

SHOWN_MUTANTS = (
    *of(
        ("tests/unit/work/test_markdown.py",),
        Mutant("HTML in Markdown", _MARKDOWN, '{"html": False, ', '{"html": True, '),
        Mutant(
            "where Markdown leads",
            _MARKDOWN,
            "return urlsplit(url).scheme.lower() in _SCHEMES",
            "return True",
        ),
        Mutant("marks in Markdown", _MARKDOWN, "> _MARKS_MAX", "> 10**9"),
        Mutant("hidden signs in Markdown", _MARKDOWN, "mark_safe(visible(", "mark_safe(str("),
        Mutant("a link in a link", _MARKDOWN, "if tokens[idx].meta:", "if False:"),
    ),
    *of(
        ("tests/unit/work/test_ansi.py",),
        Mutant(
            "length of a log line",
            "django_site/work/log/ansi.py",
            "text if len(text) <= LONGEST else",
            "text if True else",
        ),
        Mutant(
            "pieces of a log line",
            "django_site/work/log/ansi.py",
            "islice(COLOURS.finditer(whole), MOST_PIECES)",
            "COLOURS.finditer(whole)",
        ),
    ),
    *of(
        ("tests/integration/tables/test_tables_chosen.py",),
        Mutant(
            "formulas in a spreadsheet",
            "flask_api/tasks/tables/kept/copies.py",
            "THEN '''' || {text} ELSE",
            "THEN {text} ELSE",
        ),
        Mutant(
            "formulas in a list of a result",
            "flask_api/tasks/tables/kept/copies.py",
            "guarded(cell) if for_sheet else cell",
            "cell",
        ),
        Mutant(
            "one's turn at what takes long",
            "flask_api/http/row_files.py",
            "return person not in self._long and",
            "return",
        ),
        Mutant(
            "copies that are written just now",
            "flask_api/http/row_files.py",
            "if time.time() - left.stat().st_mtime > _LEFT_S:",
            "if True:",
        ),
        Mutant(
            "copies that were left",
            "flask_api/http/row_files.py",
            "if time.time() - left.stat().st_mtime > _LEFT_S:",
            "if False:",
        ),
        Mutant(
            "cells of a list of a result",
            "flask_api/tasks/tables/kept/listed.py",
            " or len(names) * len(items) > MOST_CELLS",
            "",
        ),
    ),
)
