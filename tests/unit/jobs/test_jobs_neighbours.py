"""Which processes of this machine are known to have ended, and which are not."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from flask_api.jobs.neighbours import Neighbours, is_there, mark_of_this_process
from flask_api.jobs.records.beats import Beat, ExecutorLoad, ProcessMark, read_beat, write_beat
from tests.waiting import wait_until

PRINT_MARK = (
    "import sys; from flask_api.jobs.neighbours import mark_of_this_process as mark; "
    "print(*mark(), flush=True); sys.stdin.read()"
)
LOADS = [ExecutorLoad("threads", 36, 4, 4, 2)]
OWN = mark_of_this_process()

pytestmark = pytest.mark.skipif(OWN is None, reason="no /proc here: no process is looked after")


class Clock:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """Another process of this machine, which lives until it is killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", PRINT_MARK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield child
    child.kill()
    child.communicate()


def mark_of(process: subprocess.Popen[str]) -> ProcessMark:
    """Return what the process says of itself."""
    assert process.stdout is not None
    place, pid, begun = process.stdout.readline().split()
    return ProcessMark(place, int(pid), int(begun))


def looks(neighbours: Neighbours, clock: Clock, mark: ProcessMark, times: int = 3) -> list[str]:
    """Look so often at a process named "other", a second apart; return what the last look told."""
    told: list[str] = []
    for _ in range(times):
        clock.now += 1
        told = neighbours.ended({"other": Beat(0, {}, mark), "silent": None, "old": Beat(0, {})})
    return told


def test_process_that_was_seen_and_is_gone_has_ended(process: subprocess.Popen[str]) -> None:
    """Known a second after it was missed first, also before anybody waited for it; not while it
    is only stopped."""
    clock, mark = Clock(), mark_of(process)
    neighbours = Neighbours(OWN, clock=clock)
    assert mark.place == OWN.place if OWN else False
    process.send_signal(signal.SIGSTOP)
    assert looks(neighbours, clock, mark) == []
    process.kill()
    wait_until(lambda: not is_there(mark), timeout_s=10, what="a zombie is no process")
    assert looks(neighbours, clock, mark, 1) == [], "its children may still be ending"
    assert looks(neighbours, clock, mark, 1) == ["other"]
    process.wait()
    assert looks(neighbours, clock, mark, 1) == ["other"]
    assert neighbours.ended({}) == []
    assert Neighbours(None).ended({"other": Beat(0, {}, mark)}) == []


def test_looks_are_a_second_apart(process: subprocess.Popen[str]) -> None:
    """However often it is asked."""
    clock, mark = Clock(), mark_of(process)
    neighbours = Neighbours(OWN, clock=clock)
    looks(neighbours, clock, mark)
    process.kill()
    process.wait()
    assert looks(neighbours, clock, mark, 1) == []
    assert neighbours.ended({"other": Beat(0, {}, mark)}) == []


def test_process_that_was_never_seen_here_is_not_missed(process: subprocess.Popen[str]) -> None:
    """A copy of this machine may have the same name, and other processes."""
    clock, mark = Clock(), mark_of(process)
    process.kill()
    process.wait()
    assert looks(Neighbours(OWN, clock=clock), clock, mark) == []


def test_process_of_another_machine_is_not_looked_for(process: subprocess.Popen[str]) -> None:
    """Its number may be anybody's here."""
    clock, mark = Clock(), mark_of(process)
    neighbours = Neighbours(OWN, clock=clock)
    elsewhere = mark._replace(place="0" * 16)
    looks(neighbours, clock, elsewhere)
    process.kill()
    process.wait()
    assert looks(neighbours, clock, elsewhere) == []


def test_two_of_one_mark_are_not_told_apart(process: subprocess.Popen[str]) -> None:
    """Copies of a process on copies of a machine, and several engines of this process."""
    assert OWN is not None
    clock, mark = Clock(), mark_of(process)
    neighbours = Neighbours(OWN, clock=clock)
    looks(neighbours, clock, mark)
    process.kill()
    process.wait()
    beats: dict[str, Beat | None] = {"one": Beat(0, {}, mark), "other": Beat(0, {}, mark)}
    for _ in range(3):
        clock.now += 1
        assert neighbours.ended({**beats, "own": Beat(0, {}, OWN)}) == []


def test_process_that_is_elsewhere_itself_misses_nobody(process: subprocess.Popen[str]) -> None:
    """One that was restored on another machine, with what it had seen."""
    assert OWN is not None
    clock, mark = Clock(), mark_of(process)
    neighbours = Neighbours(OWN, clock=clock)
    looks(neighbours, clock, mark)
    process.kill()
    process.wait()
    neighbours.mark = OWN._replace(begun=OWN.begun + 1)
    assert looks(neighbours, clock, mark) == []


def test_number_of_a_process_may_be_anothers_by_now() -> None:
    """One that began at another time is another."""
    assert OWN is not None
    assert is_there(OWN)
    assert not is_there(OWN._replace(begun=OWN.begun - 1))
    assert not is_there(OWN._replace(pid=2**40))


def test_beat_tells_where_its_process_runs() -> None:
    """And to earlier versions of an executor that nothing waits for; what is no mark is none."""
    assert OWN is not None
    beat = read_beat(write_beat(LOADS, OWN), held=40)
    assert (beat.mark, list(beat.loads)) == (OWN, ["threads"])
    assert read_beat(write_beat(LOADS), held=40).mark is None
    last = write_beat(LOADS, OWN).split(";")[-1]
    assert [int(each) for each in last.split()[1:6]] == [0, 0, 0, 0, 0]
    for wrong in ("@x 0 0 0 0 0 0 1", "@x 0 0 0 0 0 -1 1", "@x 0 0 0 0 0 1 a", "@x", "@"):
        beat = read_beat(f"threads 36 4 4 2;{wrong}", held=40)
        assert beat.mark is None, wrong
