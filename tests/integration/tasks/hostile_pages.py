"""web.links and web.feed_titles with little time,
for documents that were made to harm their readers."""

from typing import ParamSpec, TypeVar

from flask_api.jobs.tasks.task import Task, task
from flask_api.tasks.web import feeds, links

P = ParamSpec("P")
R = TypeVar("R")


def _hurried(like: Task[P, R]) -> Task[P, R]:
    return task(f"hurried.{like.name}", executor=like.policy.executor, timeout_s=1.5)(like.function)


hurried_links = _hurried(links.find_links)
hurried_feed = _hurried(feeds.read_feed)
