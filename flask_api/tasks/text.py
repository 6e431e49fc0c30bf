"""Tasks on texts: map and reduce over a file of any size."""

import heapq
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import Field

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.input_file import InputFile
from flask_api.jobs.tasks.task import task
from flask_api.tasks.word_counting import MOST_DISTINCT, PartProcess, UncountableError, count_words

# Less than this is counted before a process has started.
PART_MIN_BYTES = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word in lower case, and how often it comes."""

    word: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WordCount:
    """How many words a text has, how many different ones, and the most frequent of these."""

    words: int
    distinct: int
    top: list[Word]


@task("text.word_count", executor="processes")
def word_count(
    file: InputFile,
    top: Annotated[int, Field(ge=1, le=1000)] = 20,
    processes: Annotated[int, Field(ge=1, le=16)] = 2,
    *,
    job: JobContext,
) -> WordCount:
    """Count the words of an uploaded UTF-8 text on several processes,
    at most as many as the server has for jobs.

    Words are letters and digits of any script, without regard to case;
    one of more than 100 characters counts as its pieces.
    """
    most = min(processes, job.settings.job_processes, 1 + file.size // PART_MIN_BYTES)
    try:
        with file.local_path() as path:
            counts = _count(path, file.size, most, job)
    except UncountableError as error:
        raise TaskError(str(error)) from None
    frequent = heapq.nsmallest(top, counts.items(), key=lambda item: (-item[1], item[0]))
    words = [Word(word=word, count=count) for word, count in frequent]
    return WordCount(words=counts.total(), distinct=len(counts), top=words)


def _count(path: Path, size: int, parts: int, job: JobContext) -> Counter[str]:
    """Map: each part is counted by a process, the first by this one. Reduce: add them up."""
    bounds = [size * number // parts for number in range(parts + 1)]
    with ExitStack() as stack:
        others = [
            stack.enter_context(closing(PartProcess(path, start, end)))
            for start, end in pairwise(bounds[1:])
        ]
        # The parts are alike: where this one is, the others are about, too.
        counts = count_words(
            path, 0, bounds[1], on_block=lambda done: job.progress(min(done * parts, size), size)
        )
        for other in others:
            counts.update(other.result())
            job.checkpoint()
    if len(counts) > MOST_DISTINCT:
        raise UncountableError(f"There are more than {MOST_DISTINCT} distinct words.")
    return counts
