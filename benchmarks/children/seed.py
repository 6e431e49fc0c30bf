"""Log one person in on one application and print their Cookie header:
``python -m benchmarks.children.seed <module> <context file>``.

A process of its own for each: two of them are Django projects, and a process can be only one.
"""

import sys
from importlib import import_module

from benchmarks.measuring.context import Context

if __name__ == "__main__":
    module, context_file = sys.argv[1:]
    print(import_module(module).seed(Context.load(context_file)))
