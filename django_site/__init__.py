"""People: accounts, the session engine that is the only writer, keys, pages."""

from gatehouse.package_names import require_ours

require_ours("shared", beside=__file__)
