"""The guards of mail: nobody waits for it, and none is lost without a word."""

from tests.mutants.mutant import Mutant, of

_WISHES = "django_site/work/end_mail/wishes.py"

MAIL_MUTANTS = (
    *of(
        (
            "tests/integration/accounts/test_mail_sender.py",
            "tests/security/accounts/test_keys_told.py",
        ),
        Mutant(
            "mail beside the requests",
            "django_site/mail_sender.py",
            "        if not _running:\n",
            "        if True:\n",
        ),
        Mutant(
            "bound of mails",
            "django_site/mail_sender.py",
            "if len(self._waiting) >= MOST_WAITING:",
            "if False:",
        ),
        Mutant(
            "mail that is given up",
            "django_site/mail_sender.py",
            "if time.monotonic() >= give_up_at:",
            "if False:",
        ),
        Mutant(
            "news that could not be told",
            "django_site/keys/networks.py",
            "            _put_back(member)\n",
            "",
        ),
        Mutant(
            "deadline of a stop",
            "django_site/publishing/background.py",
            "self._thread.join(deadline_s)",
            "self._thread.join()",
        ),
    ),
    *of(
        ("tests/integration/end_mail/test_end_mail.py",),
        Mutant(
            "proof of the address that hears of an end",
            _WISHES,
            'return address_of(person) if proofs_of(person).exists() else ""',
            "return address_of(person)",
        ),
        Mutant(
            "bound of ends to be told of",
            _WISHES,
            "_own(request).exclude(work_id=work_id).count() >= MOST:",
            "False:",
        ),
        Mutant(
            "one wish that fails",
            "django_site/work/end_mail/sending.py",
            "if not away.is_of_one_request:",
            "if True:",
        ),
        Mutant(
            "wish that is refused for a while",
            "django_site/work/end_mail/sending.py",
            "refused.status == 404 or not wish.person.is_active:",
            "True:",
        ),
        Mutant(
            "mail that is not taken",
            "django_site/work/end_mail/sending.py",
            "        wish.save(force_insert=True)\n",
            "",
        ),
        Mutant(
            "one mail of an end",
            "django_site/work/end_mail/sending.py",
            "taken, _ = EndMail.objects.filter(pk=wish.pk).delete()",
            "taken = 1",
        ),
    ),
)
