"""The guards of files: which of those stored are a job's, and how long an upload's room is kept."""

from tests.mutants.mutant import Mutant, of

FILES_MUTANTS = (
    *of(
        ("tests/integration/engine/files/test_files_attempts.py",),
        Mutant(
            "only of a job that is gone everything is deleted",
            "flask_api/jobs/workers/reporter.py",
            "if answer is ReportAnswer.LOST and self._listed is None:",
            "if answer is ReportAnswer.LOST:",
        ),
        Mutant(
            "nothing is deleted before a save may go on",
            "flask_api/jobs/workers/reporter.py",
            "            self._look_for_left()\n",
            "            self._look_for_left()\n            self._discard_left()\n",
        ),
        Mutant(
            "a name of its own for each file that is stored",
            "flask_api/jobs/files/storage.py",
            'stored_as = f"{mark}{uuid.uuid4().hex[len(mark) :]}-{name}"',
            "stored_as = name",
        ),
        Mutant(
            "a replaced file that is read",
            "flask_api/jobs/files/job_files.py",
            "not in (None, before)",
            "not in (None, before) and before is None",
        ),
        Mutant(
            "where a file is stored is not shown",
            "flask_api/jobs/workers/reporter.py",
            "[shown_file(entry) for entry in kept.values()]",
            "list(kept.values())",
        ),
    ),
    *of(
        ("tests/integration/engine/files/test_files_runs.py",),
        Mutant(
            "a list of files that another run changed",
            "flask_api/jobs/records/lua/report.lua",
            "if ARGV[9] ~= '' and",
            "if false and",
        ),
        Mutant(
            "what another run is about to list",
            "flask_api/jobs/workers/reporter.py",
            "{each for each in found if not each.startswith(mark)}",
            "found",
        ),
    ),
    *of(
        ("tests/integration/engine/files/test_files_left.py",),
        Mutant(
            "a listing that was refused",
            "flask_api/jobs/workers/reporter.py",
            "            self._kept = None  # should the answer be lost, it is listed or not\n",
            "            self._kept = kept\n",
        ),
        Mutant(
            "an attempt that has no leftovers to look for",
            "flask_api/jobs/workers/reporter.py",
            "if self._listed is not None and not self._has_looked:",
            "if not self._has_looked:",
        ),
    ),
    *of(
        ("tests/integration/engine/files/test_files_kept.py",),
        Mutant(
            "upload that still comes",
            "flask_api/jobs/files/lua/renew_upload.lua",
            "redis.call('ZADD', KEYS[3], 'XX', ARGV[2], ARGV[1])\n",
            "",
        ),
        Mutant(
            "upload whose room was given away",
            "flask_api/jobs/files/lua/renew_upload.lua",
            "if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then",
            "if false then",
        ),
        Mutant(
            "upload whose room may have been given away",
            "flask_api/jobs/files/upload_pace.py",
            "silent_s > RECEIVING_S or not",
            "not",
        ),
    ),
)
