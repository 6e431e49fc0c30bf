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


class Watched:
    """A process of this machine that was seen alive, and who looks after it."""

    def __init__(self, process: subprocess.Popen[str], mark: ProcessMark) -> None:
        assert OWN is not None
        self.process = process
        self.mark = mark
        self.clock = Clock()
        self.neighbours = Neighbours(OWN, clock=self.clock)
        assert self.look(times=3) == []

    def look(
        self, *, times: int, mark: ProcessMark | None = None, is_beside_redis: bool = False
    ) -> list[str]:
        """Look so often, a second apart; return what the last look told."""
        other = Beat(0, {}, mark or self.mark, is_beside_redis)
        beats = {"other": other, "silent": None, "old": Beat(0, {})}
        told: list[str] = []
        for _ in range(times):
            self.clock.now += 1
            told = self.neighbours.ended(beats)
        return told

    def end(self) -> None:
        """End the process without a word."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def watched(process: subprocess.Popen[str]) -> Watched:
    """The process, watched."""
    return Watched(process, mark_of(process))


def test_process_that_was_seen_and_is_gone_has_ended(watched: Watched) -> None:
    """Known a second after it was missed first, also before anybody waited for it; not while it
    is only stopped."""
    assert OWN is not None
    assert watched.mark.place == OWN.place
    watched.process.send_signal(signal.SIGSTOP)
    assert watched.look(times=3) == []
    watched.process.kill()
    wait_until(lambda: not is_there(watched.mark), timeout_s=10, what="a zombie is no process")
    assert watched.look(times=1) == [], "its children may still be ending"
    assert watched.look(times=1) == ["other"]
    watched.process.wait()
    assert watched.look(times=1) == ["other"]
    assert watched.neighbours.ended({}) == []
    assert Neighbours(None).ended({"other": Beat(0, {}, watched.mark)}) == []


def test_looks_are_a_second_apart(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked: each looks at the process, and at oneself."""
    looked: list[ProcessMark] = []

    def note(mark: ProcessMark) -> bool:
        looked.append(mark)
        return True

    monkeypatch.setattr("flask_api.jobs.neighbours.is_there", note)
    for _ in range(10):
        watched.clock.now += 0.25
        watched.neighbours.ended({"other": Beat(0, {}, watched.mark)})
    assert looked == [OWN, watched.mark] * 2


def test_process_that_was_never_seen_here_is_not_missed(watched: Watched) -> None:
    """A copy of this machine may have the same name, and other processes."""
    watched.end()
    watched.neighbours = Neighbours(OWN, clock=watched.clock)
    assert watched.look(times=3) == []


def test_process_that_was_never_seen_is_missed_where_no_copy_can_have_told_of_it(
    watched: Watched,
) -> None:
    """Both are beside Redis itself. Of another machine, or in another container, it is not looked
    for there either."""
    watched.end()
    watched.neighbours = Neighbours(OWN, clock=watched.clock)
    assert watched.look(times=3, is_beside_redis=True) == []
    watched.neighbours.is_beside_redis = True
    assert watched.look(times=3) == []
    elsewhere = watched.mark._replace(place="0" * 16)
    assert watched.look(times=3, mark=elsewhere, is_beside_redis=True) == []
    assert watched.look(times=1, is_beside_redis=True) == [], "its children may still be ending"
    assert watched.look(times=1, is_beside_redis=True) == ["other"]


def test_process_of_another_machine_is_not_looked_for(watched: Watched) -> None:
    """Its number may be anybody's here."""
    elsewhere = watched.mark._replace(place="0" * 16)
    watched.look(times=3, mark=elsewhere)
    watched.end()
    assert watched.look(times=3, mark=elsewhere) == []


def test_two_of_one_mark_are_not_told_apart(watched: Watched) -> None:
    """Copies of a process on copies of a machine, and several engines of this process."""
    watched.end()
    both: dict[str, Beat | None] = {each: Beat(0, {}, watched.mark) for each in ("one", "other")}
    for _ in range(3):
        watched.clock.now += 1
        assert watched.neighbours.ended({**both, "own": Beat(0, {}, OWN)}) == []


def test_process_that_is_elsewhere_itself_misses_nobody(watched: Watched) -> None:
    """One that was restored on another machine, with what it had seen."""
    assert OWN is not None
    watched.end()
    watched.neighbours.mark = OWN._replace(begun=OWN.begun + 1)
    assert watched.look(times=3) == []


def test_process_that_was_elsewhere_has_forgotten_whom_it_saw(watched: Watched) -> None:
    """What it saw before was on another machine, also when it is itself again."""
    assert OWN is not None
    watched.neighbours.mark = OWN._replace(begun=OWN.begun + 1)
    assert watched.look(times=1) == []
    watched.end()
    watched.neighbours.mark = OWN
    assert watched.look(times=3) == []


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
    assert not beat.is_beside_redis
    beside = write_beat(LOADS, OWN, is_beside_redis=True)
    assert read_beat(beside, held=40) == beat._replace(is_beside_redis=True)
    assert [int(each) for each in beside.split(";")[-1].split()[1:6]] == [0, 0, 0, 0, 1]
    last = write_beat(LOADS, OWN).split(";")[-1]
    assert [int(each) for each in last.split()[1:6]] == [0, 0, 0, 0, 0]
    for wrong in ("@x 0 0 0 0 0 0 1", "@x 0 0 0 0 0 -1 1", "@x 0 0 0 0 0 1 a", "@x", "@"):
        beat = read_beat(f"threads 36 4 4 2;{wrong}", held=40)
        assert beat.mark is None, wrong
