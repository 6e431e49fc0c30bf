"""The guards of jobs that are shown to others: to whom, for how long, and nothing else; and of what
a page or a file shows of what a task wrote."""

from tests.mutants.mutant import Mutant, of

_MARKDOWN = "django_site/work/results/markdown.py"
_SHARE = "flask_api/jobs/sharing/share.py"
_SHARES = "flask_api/jobs/sharing/shares.py"
_LUA = "flask_api/jobs/records/lua/share.lua"
_OWNERS = "flask_api/views/sharing/shares.py"
_VIEWERS = "flask_api/views/sharing/shared.py"
_LIVE = "flask_api/streams/shared.py"

SHARES_MUTANTS = (
    *of(
        ("tests/integration/sharing/test_who_sees.py",),
        Mutant(
            "people of a share",
            _SHARE,
            "return principal.username in self.terms.people",
            "return True",
        ),
        Mutant(
            "group of a share", _SHARE, "return self.terms.group in principal.groups", "return True"
        ),
        Mutant("audience of a share", _SHARES, " or not standing[share_id].admits(principal)", ""),
        Mutant("time of a share", _SHARES, " if share.expires_at > now]", "]"),
        Mutant("owner of a share who is gone", _SHARES, " if share.owner_id not in gone}", "}"),
        Mutant(
            "end of one's own",
            _SHARES,
            "if not found or found[0].owner_id != owner_id:",
            "if not found:",
        ),
        Mutant(
            "share of one's own",
            _OWNERS,
            "get(str(job_id), viewer=viewer())",
            "get(str(job_id), viewer=viewer(), sees_all=True)",
        ),
        Mutant(
            "share needs jobs:read",
            _OWNERS,
            '@scope_required("jobs:read")\n@describe(\n    "shareJob"',
            '@describe(\n    "shareJob"',
        ),
        Mutant(
            "one answer for what is not shown",
            _VIEWERS,
            "raise JobNotFound(NOTHING) from None",
            "raise",
        ),
    ),
    *of(
        ("tests/integration/sharing/test_what_is_shown.py",),
        Mutant(
            "arguments of a shared job",
            _VIEWERS,
            "if shows(Showable.ARGUMENTS) else None",
            "if True else None",
        ),
        Mutant(
            "owner of a shared job",
            _VIEWERS,
            "if shows(Showable.OWNER) else None",
            "if True else None",
        ),
        Mutant(
            "list of a shared job's files",
            _VIEWERS,
            "if shows(Showable.FILES) else []",
            "if True else []",
        ),
        Mutant(
            "files of a shared job", _VIEWERS, "if not share.shows(Showable.FILES):", "if False:"
        ),
        Mutant("shares of a job", _LUA, "if of_job >= tonumber(ARGV[7]) then", "if false then"),
        Mutant("shares of a person", _LUA, "if #names >= tonumber(ARGV[6]) then", "if false then"),
        Mutant("signs in names", _OWNERS, "if not all(map(str.isprintable, names)):", "if False:"),
        Mutant(
            "bytes of names",
            _OWNERS,
            "if sum(len(name.encode()) for name in names) > MAX_NAMES_BYTES:",
            "if False:",
        ),
    ),
    *of(
        ("tests/browser/pages/test_shared_addresses.py",),
        Mutant(
            "referrer of a shared page",
            "django_site/work/sharing/pages.py",
            'answer["Referrer-Policy"] = "no-referrer"',
            "pass",
        ),
    ),
    *of(
        ("tests/integration/sharing/test_shared_live.py",),
        Mutant("end of a followed share", _LIVE, "if each.share.id not in standing:", "if False:"),
        Mutant(
            "audience of a followed share",
            _LIVE,
            "return self.share.admits(principal)",
            "return True",
        ),
        Mutant(
            "events of a shared job",
            _LIVE,
            " for name in _TOLD if name in said}",
            " for name in said}",
        ),
        Mutant(
            "positions of the owner's stream", _LIVE, "tells_positions: ClassVar[bool] = False", ""
        ),
        Mutant("onlookers of one's own", _LIVE, " and each.person_id != each.share.owner_id", ""),
    ),
)

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
