"""What is compared, a package for each benchmark. Each module of an application has ``seed(context)``, which logs one person in
and returns their Cookie header, and ``create_app(context_file, tuned)``,
whose application answers ``/gated`` and ``/open`` with ``{"username": ...}``.

A *tuned* application is its peer with what slows it by default turned off,
so that nobody can say it was held back.
"""
