"""The guards of accounts: what ends with a password, who guesses, who signs up, what staff may."""

from tests.mutants.mutant import Mutant, of

_RECOVERY = "django_site/accounts/recovery.py"
_REACH = "django_site/staff/reach.py"
_THROTTLE = "django_site/accounts/throttle.py"
_ADDRESSES = "django_site/signup/addresses.py"
_INVITATIONS = "django_site/signup/invitations.py"

ACCOUNTS_MUTANTS = (
    *of(
        (
            "tests/security/accounts/test_account_recovery.py",
            "tests/security/accounts/test_new_password.py",
        ),
        Mutant(
            "keys at a new password",
            "django_site/keys/signals.py",
            "revoke_keys(ApiKey.objects.of(instance), by=instance)\n        notes",
            "notes",
        ),
        Mutant(
            "keys are kept on request",
            "django_site/keys/signals.py",
            'if is_renewed or notes.pop("_gatehouse_keeps_keys", False):',
            "if is_renewed:",
        ),
        Mutant(
            "hash that was assigned",
            "django_site/keys/signals.py",
            'if stored is None or (notes.get("_password") is None and stored == instance.password):',
            'if stored is None or notes.get("_password") is None:',
        ),
        Mutant(
            "password that a bulk update set",
            "django_site/keys/passwords/outdated.py",
            "    yield from _end_outdated()\n    yield from reconcile_keys()\n",
            "    yield from reconcile_keys()\n",
        ),
        Mutant(
            "renewed hash",
            "django_site/keys/signals.py",
            'and "_gatehouse_password_was_set" not in person.__dict__',
            "",
        ),
        Mutant(
            "renewed hash of a password that a bulk update set",
            "django_site/keys/passwords/stamps.py",
            "wanted = [pk for pk, old in rows if is_of_now(old, password)]",
            "wanted = [pk for pk, _ in rows]",
        ),
        Mutant(
            "address of a link",
            _RECOVERY,
            "address is not None and may_take_back(address) and bool(",
            "address is not None and bool(",
        ),
        Mutant(
            "own address only",
            _ADDRESSES,
            "is_own and not EmailAddress",
            "not EmailAddress",
        ),
        Mutant(
            "verified address first",
            _ADDRESSES,
            "is_own and not EmailAddress.objects.filter(user_id=address.user_id, "
            "verified=True).exists()",
            "is_own",
        ),
        Mutant("address in the token", _RECOVERY, "|{self._address.pk}:{self._address.email}", ""),
        Mutant("recovery codes of before", _RECOVERY, "        void_recovery_codes(person)\n", ""),
        Mutant(
            "addresses that nobody proved",
            _RECOVERY,
            "        forget_unproved_addresses(person)\n",
            "",
        ),
        Mutant(
            "password of who makes a key",
            "django_site/keys/issue.py",
            "if password != person.password:",
            "if False:",
        ),
        Mutant(
            "keys made meanwhile",
            "django_site/keys/signals.py",
            'notes["_gatehouse_after_password"] = _revoke_again',
            "pass",
        ),
        Mutant(
            "half-done log-in",
            "django_site/accounts/adapter.py",
            "if not constant_time_compare(begun_with, user.get_session_auth_hash()):",
            "if False:",
        ),
        Mutant(
            "void codes are replaced",
            "django_site/second_factor/recovery_codes.py",
            "        _codes_of(user).delete()\n",
            "",
        ),
    ),
    *of(
        ("tests/security/accounts/test_second_factor_seeds.py",),
        Mutant(
            "seeds are sealed",
            "django_site/second_factor/adapter.py",
            "return seal(text)",
            "return text",
        ),
        Mutant(
            "seed in the session",
            "django_site/second_factor/adapter.py",
            "session[SECRET_SESSION_KEY] = seal(self.secret)",
            "session[SECRET_SESSION_KEY] = self.secret",
        ),
        Mutant(
            "code of activation",
            "django_site/second_factor/adapter.py",
            "if not TOTP(Authenticator(user=self.user))._mark_code_used(code):",
            "if False:",
        ),
    ),
    *of(
        ("tests/security/accounts/test_keys_told.py",),
        Mutant(
            "key needs a verified address",
            "django_site/keys/issue.py",
            "if needs_verified_address(person):",
            "if False:",
        ),
        Mutant(
            "of the account's own address",
            "django_site/keys/verified.py",
            "email=address_of(person).lower(), verified=True",
            "verified=True",
        ),
    ),
    *of(
        ("tests/security/accounts/test_log_in_limits.py",),
        Mutant(
            "account without an address",
            _THROTTLE,
            "filter_users_by_email(email, prefer_verified=True, for_login=True) if email else ()",
            "filter_users_by_email(email, prefer_verified=True, for_login=True)",
        ),
        Mutant(
            "customer of an address",
            "django_site/accounts/adapter.py",
            "return customer_of(address)",
            "return address",
        ),
        Mutant("known device", _THROTTLE, "if nonce is not None:", "if False:"),
        Mutant("count of a network", _THROTTLE, 'return [("login_failed", near), (', "return [("),
        Mutant("count of an account", _THROTTLE, ', ("login_failed_account", account)', ""),
        Mutant(
            "most attempts",
            "django_site/accounts/attempts_take.lua",
            "if #moments > tonumber(ARGV[2 * i - 1]) then",
            "if #moments > tonumber(ARGV[2 * i - 1]) + 1 then",
        ),
        Mutant(
            "attempt that is given back",
            "django_site/accounts/attempts_give_back.lua",
            "if moment == noted and not is_found then",
            "if false then",
        ),
        Mutant(
            "password of a device",
            "django_site/accounts/device_cookie.py",
            " and constant_time_compare(mark, _mark(person))",
            "",
        ),
    ),
    *of(
        ("tests/security/accounts/test_sign_up.py",),
        Mutant(
            "closed sign-up",
            "django_site/accounts/adapter.py",
            'return mode == "open" or (',
            'return mode != "invited" or (',
        ),
        Mutant(
            "invited sign-up",
            "django_site/accounts/adapter.py",
            "and find_invitation(request) is not None)",
            ")",
        ),
        Mutant(
            "invitation once",
            _INVITATIONS,
            "return "
            "bool(Invitation.objects.valid().filter(pk=invitation.pk).update(used_at=timezone.now()))",
            "return True",
        ),
        Mutant(
            "invitation's week",
            "django_site/signup/models.py",
            "used_at=None, expires_at__gt=timezone.now()",
            "used_at=None",
        ),
    ),
    *of(
        ("tests/security/accounts/test_staff_power.py",),
        Mutant(
            "superusers out of reach",
            _REACH,
            'not getattr(person, "is_superuser", False)\n        and _held_by',
            "_held_by",
        ),
        Mutant("stronger people out of reach", _REACH, " and _held_by(person) <= _own(staff)", ""),
        Mutant(
            "groups out of reach",
            _REACH,
            "return _names(Permission.objects.filter(group=group)) <= _own(staff)",
            "return True",
        ),
        Mutant(
            "permissions to give",
            _REACH,
            "return is_superuser(staff) or _names(wanted) <= _own(staff)",
            "return True",
        ),
        Mutant(
            "fields of power",
            "django_site/accounts/admin.py",
            "if not is_superuser(request.user) and set(form.changed_data) & set(PRIVILEGE_FIELDS):",
            "if False:",
        ),
        Mutant(
            "reach of a row",
            "django_site/staff/admin.py",
            "if not (self.is_in_reach(request, before) and self.is_in_reach(request, obj)):",
            "if False:",
        ),
        Mutant(
            "reach of groups",
            "django_site/staff/reach.py",
            "        and _groups_of(person) <= _groups_of(staff)\n",
            "",
        ),
        Mutant(
            "reach of a deletion",
            "django_site/staff/admin.py",
            "return super().has_delete_permission(request, obj) and self.is_in_reach(request, obj)",
            "return super().has_delete_permission(request, obj)",
        ),
        Mutant(
            "reach of many deletions",
            "django_site/staff/admin.py",
            "        self._require_reach(request, queryset)\n",
            "",
        ),
    ),
    *of(
        ("tests/security/accounts/test_two_cookies.py",),
        Mutant(
            "other host's address",
            "django_site/sessions/two_cookies.py",
            "HttpResponseRedirect(escape_leading_slashes(request.path))",
            "HttpResponseRedirect(request.path)",
        ),
    ),
    *of(
        ("tests/security/accounts/test_session_renewal.py",),
        Mutant(
            "log-out during a page",
            "django_site/sessions/save.lua",
            "redis.call('SET', KEYS[1], ARGV[2], ARGV[1], 'EX', ARGV[3])",
            "redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])",
        ),
        Mutant(
            "what another request wrote",
            "django_site/sessions/save.lua",
            "if ARGV[1] == 'XX' and present and ARGV[5] ~= '' and present ~= ARGV[5] then",
            "if false then",
        ),
    ),
)
