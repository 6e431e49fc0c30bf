"""Why a GitHub-like server could not be asked, or what is wrong with its answer.

WebError
└── GithubError
    ├── RateLimited   it asks for a longer wait than this attempt may make; a later attempt goes on
    ├── ServerAway    it did not answer several times in a row; a later attempt goes on
    ├── NotFound      no such repository or owner, or none that everybody may see
    ├── Refused       it wants a log-in, and Gatehouse never sends one (see api)
    ├── ServerFailed  it answered that it is broken
    └── BadAnswer     what it sent is not what GitHub would send
"""

from flask_api.tasks.web.errors import WebError


class GithubError(WebError):
    """Root of these; as every WebError it has a stable ``code`` and a message for the job's
    owner."""

    code = "github"


class RateLimited(GithubError):
    """The server's rate limit asks for a longer wait than this attempt may make."""

    code = "rate_limited"


class ServerAway(GithubError):
    """The server did not answer several times in a row."""

    code = "server_away"


class NotFound(GithubError):
    """There is no such repository or owner, or it is not public."""

    code = "not_found"


class Refused(GithubError):
    """The server doesn't answer this to everybody."""

    code = "refused"


class ServerFailed(GithubError):
    """The server answered with a status of 500 or more."""

    code = "server_failed"


class BadAnswer(GithubError):
    """The answer is not JSON, or not of the form that GitHub's has."""

    code = "bad_answer"
