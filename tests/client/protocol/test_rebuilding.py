"""Which type a job's error gets in the client:
that of the task's exception, or of its nearest built-in bases."""

import copy
import json
import pickle
import subprocess
from typing import Any

import pytest

from flask_api.jobs.workers.outcome import describe
from gatehouse import JobFailed, JobTimedOut
from gatehouse.cli.exit_codes import ExitCode, code_of_record
from gatehouse.protocol.outcomes import error_of
from gatehouse.protocol.rebuilding import BUILTIN_TYPES


def record(error: dict[str, Any]) -> dict[str, Any]:
    """Return what is needed of the record of a job that failed so."""
    return {"id": "1", "status": "failed", "error": error}


def said(kind: str, *bases: Any, **more: Any) -> JobFailed:
    """Return the error of a job whose record says this."""
    failed = error_of(record({"type": kind, "message": "m", "bases": list(bases), **more}))
    assert isinstance(failed, JobFailed)
    return failed


def builtin_bases(error: BaseException) -> set[type]:
    """Return the types of the list that an error is an instance of."""
    return {kind for kind in BUILTIN_TYPES.values() if isinstance(error, kind)}


class _Both(KeyError, AttributeError):
    pass


class _Fields(OSError, ValueError):
    pass


@pytest.mark.parametrize(
    "error",
    [
        *(kind("x") for kind in BUILTIN_TYPES.values()),
        *(
            json.JSONDecodeError("x", "", 0),
            UnicodeDecodeError("ascii", b"x", 0, 1, "x"),
            FileNotFoundError(2, "x", "y"),
        ),
        *(
            subprocess.TimeoutExpired("x", 1),
            IndentationError("x"),
            _Both("x"),
            _Fields(5, "x"),
            StopIteration("x"),
        ),
        *(OSError(28, "full"), Exception("x"), Warning("x"), SystemExit(3)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_is_caught_here_as_it_is_there(error: BaseException) -> None:
    """By exactly the same types, with the same number; copied, pickled or neither."""
    failed = error_of(record(describe(error)))
    for each in (failed, copy.copy(failed), pickle.loads(pickle.dumps(failed))):
        assert isinstance(each, JobFailed)
        assert builtin_bases(each) == builtin_bases(error)
        assert getattr(each, "errno", None) == getattr(error, "errno", None)
        assert str(each) == str(failed)


def test_other_librarys_error_of_a_known_name_is_what_its_bases_are() -> None:
    """requests' ConnectionError is an OSError and no ConnectionError;
    a job's own TimedOut is not the engine's."""
    bases = ["requests.exceptions.RequestException", "OSError", "Exception"]
    assert builtin_bases(said("ConnectionError", *bases)) == {OSError}
    assert not isinstance(said("TimedOut", "web.WebError", "Exception"), JobTimedOut)
    assert (
        code_of_record(record({"type": "TimedOut", "bases": ["web.WebError"]})) is ExitCode.FAILED
    )
    assert isinstance(error_of(record({"type": "TimedOut", "message": ""})), JobTimedOut)
    assert code_of_record(record({"type": "TimedOut"})) is ExitCode.TIMED_OUT


def test_service_that_says_no_bases_is_understood() -> None:
    """An older one: the type's own name counts."""
    assert builtin_bases(error_of(record({"type": "KeyError", "message": "x"}))) == {
        KeyError,
        LookupError,
    }


@pytest.mark.parametrize(
    ("bases", "kinds"),
    [
        (["LookupError", "KeyError", "Exception"], {LookupError}),  # in an order that no class has
        (["OSError", "ImportError"], {OSError}),  # which Python can't combine
        (
            [
                "os.system",
                "subprocess.Popen",
                "builtins.eval",
                "eval",
                "SystemExit",
                "KeyboardInterrupt",
                "__import__",
            ],
            set(),
        ),
        ([1, None, {}, ["ValueError"], "ValueError"], {ValueError}),
        (["x"] * 1000 + ["ValueError"], set()),
    ],
)
def test_names_choose_from_a_list_and_do_nothing_else(bases: list[Any], kinds: set[type]) -> None:
    """Whatever a server sends is a JobFailed, at most of types that are on the list."""
    assert builtin_bases(said("Odd", *bases)) == kinds


@pytest.mark.parametrize("number", [True, 2.0, "2", None, [2], {}])
def test_number_that_is_none_is_left_out(number: Any) -> None:
    """A server may say anything."""
    failed: Exception = said("FileNotFoundError", "OSError", "Exception", errno=number)
    assert isinstance(failed, FileNotFoundError)
    assert failed.errno is None
