"""Work: the gate, the API, jobs and tasks. Kept free of imports that cost:
the author of a task runs it too."""

from gatehouse.package_names import require_ours

require_ours("shared", beside=__file__)
