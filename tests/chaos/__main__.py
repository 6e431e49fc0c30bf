"""The long crash run, from a shell: see script/chaos."""

import argparse
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import Plan, crash


def say(line: str) -> None:
    """Print at once: a long run is watched through a file."""
    print(line, flush=True)


def main() -> int:
    """Run, print the figures, return 1 when a promise was broken;
    then the folder with all logs stays."""
    parser = argparse.ArgumentParser(
        prog="script/chaos", description="Kill servers, workers, children and Valkey under load."
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument(
        "--jobs", type=int, default=10_000, help="jobs in flight at any moment, at most"
    )
    parser.add_argument("--servers", choices=("cherrypy", "gunicorn"), default="cherrypy")
    parser.add_argument(
        "--executor", choices=("rq", "celery"), help="carry all attempts to three workers by this"
    )
    parser.add_argument(
        "--rabbitmq", action="store_true", help="celery: over a RabbitMQ, which is killed, too"
    )
    parser.add_argument("--mean", type=float, default=1.0, help="seconds between kills, on average")
    parser.add_argument("--minutes", type=float, default=60.0, help="kill no longer than this")
    options = parser.parse_args()
    if options.rabbitmq and options.executor != "celery":
        parser.error("--rabbitmq is for --executor celery")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-chaos-"))
    os.environ["GATEHOUSE_VAR_DIR"] = str(folder)
    print(
        f"script/chaos --kills {options.kills} --seed {options.seed} --jobs {options.jobs} "
        f"--servers {options.servers} --executor {options.executor}{' --rabbitmq' if options.rabbitmq else ''}"
    )
    plan = Plan(
        kills=options.kills,
        mean_s=options.mean,
        in_flight=options.jobs,
        jobs=sys.maxsize,
        seed=options.seed,
        kind=options.servers,
        servers=3 if options.servers == "cherrypy" else 2,
        limit_s=60 * options.minutes,
        executors={"*": options.executor} if options.executor else None,
        workers=3,
        over_rabbitmq=options.rabbitmq,
    )
    verdict = crash(plan, folder / "house", say=say)
    for problem in verdict.problems[:50]:
        print(f"BROKEN: {problem}")
    is_kept = (
        not verdict.problems
        and verdict.twice <= verdict.accepted / 100
        and verdict.recovery_p95_s <= 30
    )
    print(
        "every promise was kept"
        if is_kept
        else f"{len(verdict.problems)} problems; everything is in {folder}"
    )
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
