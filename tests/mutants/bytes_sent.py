"""The guards before either application: what strangers send, how much of it, and to which host."""

from tests.mutants.mutant import Mutant, of

_FRAMING = "deploy/servers/framing.py"
_JSON = (
    "tests/unit/flask_api/test_flask_json_body.py",
    "tests/unit/flask_api/test_flask_batch_body.py",
    "tests/security/bytes/test_bodies.py",
)

BYTES_MUTANTS = (
    *of(
        ("tests/unit/deploy/test_servers_framing.py",),
        Mutant("first line's size", _FRAMING, "if size > REQUEST_LINE_MAX:", "if False:"),
        Mutant("field's size", _FRAMING, "size > FIELD_MAX or ", ""),
        Mutant("fields' size", _FRAMING, " or self._fields_size + size > FIELDS_BYTES_MAX", ""),
        Mutant("number of fields", _FRAMING, " or len(self._fields) > FIELDS_MAX", ""),
        Mutant(
            "field twice",
            _FRAMING,
            "if repeated_field([name.decode() for name, _ in fields]):",
            "if False:",
        ),
        Mutant("control in a field", _FRAMING, " or _has_any(value, _CONTROLS)", ""),
        Mutant(
            "length and coding", _FRAMING, " or (length is not None and coding is not None)", ""
        ),
        Mutant(
            "length's form",
            _FRAMING,
            "length is None or (length.isascii() and length.isdigit() and",
            "True or (",
        ),
        Mutant(
            "coding in HTTP/1.0",
            _FRAMING,
            " or not is_http_1_1):\n        return False",
            "):\n        return False",
        ),
        Mutant(
            "target's host",
            _FRAMING,
            "if authority is not None and authority.lower() !=",
            "if False and str(authority) !=",
        ),
        Mutant(
            "plain target",
            _FRAMING,
            'if authority == "" or not is_plain_target(target):',
            "if False:",
        ),
        Mutant("underscores", _FRAMING, 'if b"_" in name:', "if False:"),
        Mutant("backslashes in cookies", _FRAMING, "> _BACKSLASHES_MAX:", "> 10**9:"),
    ),
    *of(
        ("tests/unit/shared/http/test_shared_hosts.py",),
        Mutant(
            "served hosts",
            "shared/http/edge.py",
            'if is_served(environ.get("HTTP_HOST", ""), self._settings.allowed_hosts):',
            "if True:",
        ),
        Mutant(
            "lines about hosts",
            "shared/http/edge.py",
            "if self._clock() < self._next_line_at:",
            "if False:",
        ),
    ),
    *of(
        ("tests/integration/gate/test_forward_auth.py",),
        Mutant(
            "empty condition",
            "flask_api/views/auth.py",
            "group: Annotated[str, Field(min_length=1, max_length=150)]",
            "group: Annotated[str, Field(max_length=150)]",
        ),
    ),
    *of(
        ("tests/unit/shared/test_shared_logs.py",),
        Mutant(
            "links in lines of Django",
            "shared/logs.py",
            "logged_path(value) if isinstance(value, str) else value",
            "value",
        ),
        Mutant(
            "links in requests that are logged",
            "shared/logs.py",
            'if hasattr(request, "path"):',
            "if False:",
        ),
    ),
    *of(
        ("tests/unit/shared/http/test_shared_mount.py",),
        Mutant(
            "listed prefixes",
            "shared/http/mount.py",
            "if prefix is None or (prefix and prefix not in accepted):",
            "if prefix is None:",
        ),
        Mutant(
            "prefix without a proxy",
            "shared/settings/contract.py",
            "return self.forwarded_prefixes if self.trusted_proxy else ()",
            "return self.forwarded_prefixes",
        ),
    ),
    *of(
        ("tests/unit/deploy/test_servers_bodies.py",),
        Mutant(
            "whole path of an upload",
            "deploy/servers/body_limits.py",
            'path == f"{mount}{settings.api_prefix}/files"',
            'path.endswith(f"{settings.api_prefix}/files")',
        ),
    ),
    *of(
        ("tests/unit/deploy/test_servers_shares.py",),
        Mutant(
            "share of an address",
            "deploy/servers/shares.py",
            " or (holder is not None and self._held[holder] >= self._each)",
            "",
        ),
        Mutant(
            "share of all", "deploy/servers/shares.py", "if self._taken >= self._total or (", "if ("
        ),
        Mutant(
            "IPv6 customer",
            "shared/http/client_address.py",
            'network_of(address) if ":" in address else address',
            "address",
        ),
        Mutant(
            "lent threads",
            "deploy/servers/slow_clients.py",
            "if not self._shares.take(holder):",
            "if self._shares.take(holder) is None:",
        ),
        Mutant(
            "lent threads that can't be replaced",
            "deploy/servers/slow_clients.py",
            "if time.monotonic() < self._short_until:",
            "if False:",
        ),
    ),
    *of(
        ("tests/e2e/servers/test_slow_clients.py",),
        Mutant(
            "connections of an address (CherryPy)",
            "deploy/servers/cherrypy.py",
            "if not self.open_connections.take(holder):",
            "if False:",
        ),
        Mutant(
            "connections of an address (gunicorn)",
            "deploy/servers/gunicorn.py",
            "        if not is_admitted:\n",
            "        if False:\n",
        ),
        Mutant(
            "time of a head",
            "deploy/servers/slow_clients.py",
            "return now > self.head_by",
            "return False",
        ),
        Mutant(
            "time of a body",
            "deploy/servers/slow_clients.py",
            "min(self._left_s, self._timeout_s)",
            "3600.0",
        ),
    ),
    *of(
        _JSON,
        Mutant(
            "values of a body",
            "flask_api/http/json_size.py",
            """if masked.count(b'"') > 2 * MAX_VALUES or not _is_small(""",
            "if False and (",
        ),
        Mutant(
            "depth of a body",
            "flask_api/http/json_body.py",
            "if is_nested_deeper(text, MAX_NESTING):",
            "if False:",
        ),
        Mutant(
            "values of a job's body",
            "flask_api/http/json_body.py",
            "    require_few_values(text)\n",
            "",
        ),
        Mutant(
            "values of a batch's body",
            "flask_api/http/batch_body.py",
            "    require_few_values(body)\n",
            "",
        ),
        Mutant(
            "texts of a batch's body",
            "flask_api/http/batch_body.py",
            "    require_short_strings(body, most=2 * most_bytes)\n",
            "",
        ),
        Mutant(
            "size of a set",
            "flask_api/http/batch_body.py",
            "    sets.require_small(most_bytes=most_bytes)\n",
            "",
        ),
        Mutant(
            "digits of a number",
            "shared/strict_json.py",
            "if len(text) > MAX_DIGITS:",
            "if False:",
        ),
    ),
    *of(
        ("tests/security/test_who_before_what.py",),
        Mutant(
            "who before what",
            "flask_api/http/job_requests.py",
            "if key is not None and not any(",
            "if False and not any(",
        ),
        Mutant("who before the query", "flask_api/app.py", "decide_on(view)", "pass"),
        Mutant(
            "task before arguments",
            "flask_api/http/job_requests.py",
            '    require_scope(identity, "jobs:submit", f"{TASK_SCOPE_PREFIX}{wanted.task}")\n',
            "",
        ),
    ),
)
