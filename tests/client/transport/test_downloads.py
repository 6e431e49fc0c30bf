"""Where a download goes: a file is replaced once it is whole, and nothing else ever is."""

import os
import threading
from pathlib import Path

from gatehouse.transport.downloads import Target


def test_pipe_or_device_is_written_to_and_stays(tmp_path: Path) -> None:
    """``-o /dev/null`` as root would leave a file where the system's null device was."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    _write(Target(pipe, name="a.txt"))
    reader.join()
    assert (read, pipe.is_fifo(), len(list(tmp_path.iterdir()))) == ([b"whole"], True, 1)


def test_link_that_is_named_leads_to_the_file(tmp_path: Path) -> None:
    """As with every other program; ``-o /dev/stdout`` is such a link."""
    (tmp_path / "real").mkdir()
    file, link, dangling = tmp_path / "real/a.txt", tmp_path / "link", tmp_path / "dangling"
    file.write_text("before")
    link.symlink_to(file)
    dangling.symlink_to(tmp_path / "real/b.txt")
    for each in (link, dangling):
        target = Target(each, name="other.txt")
        _write(target)
        assert (target.path, each.is_symlink()) == (each, True)
    assert [each.read_text() for each in (file, tmp_path / "real/b.txt")] == ["whole"] * 2


def test_open_file_of_ours_is_written_on_where_it_stands(tmp_path: Path) -> None:
    """``-o /dev/stdout >> log``: what stands in the log, and what others write to it, stays."""
    log, link = tmp_path / "log", tmp_path / "link"
    log.write_text("before, ")
    with log.open("a") as opened:
        link.symlink_to(f"/dev/fd/{opened.fileno()}")
        for each in (f"/dev/fd/{opened.fileno()}", f"/proc/self/fd/{opened.fileno()}", link):
            _write(Target(each, name="other.txt"))
        opened.write(", after")
    assert log.read_text() == "before, wholewholewhole, after"
    assert sorted(tmp_path.iterdir()) == [link, log]


def test_link_in_a_folder_is_replaced(tmp_path: Path) -> None:
    """The service chooses the name there: who else writes to the folder must not say which file
    of ours is overwritten."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").symlink_to(mine)
    _write(Target(folder, name="a.txt"))
    assert not (folder / "a.txt").is_symlink()
    assert ((folder / "a.txt").read_text(), mine.read_text()) == ("whole", "mine")


def _write(target: Target) -> None:
    with target.open() as opened:
        opened.write(b"whole")
