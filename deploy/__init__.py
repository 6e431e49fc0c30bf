"""The servers, and what starts all of Gatehouse on one machine."""

from gatehouse.package_names import require_ours

require_ours("shared", beside=__file__)
