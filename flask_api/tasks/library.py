"""Every task that comes with Gatehouse, as one module:
what GATEHOUSE_TASK_MODULES names by default.

To have some of them only, name their own modules instead.
"""

from flask_api.tasks.access_log.retry import retry_failed
from flask_api.tasks.github.languages import languages
from flask_api.tasks.primes import check_primes, sum_primes
from flask_api.tasks.tables.parse import parse_table
from flask_api.tasks.text import word_count
from flask_api.tasks.web.feeds import read_feed
from flask_api.tasks.web.images import download_images
from flask_api.tasks.web.links import find_links
from flask_api.tasks.web.page_sizes import page_sizes

__all__ = [
    "check_primes",
    "download_images",
    "find_links",
    "languages",
    "page_sizes",
    "parse_table",
    "read_feed",
    "retry_failed",
    "sum_primes",
    "word_count",
]
