"""The site's password hasher with fewer rounds:
tests log in thousands of times, and what they look at is not the hash."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickPasswordHasher(PBKDF2PasswordHasher):
    """Same algorithm, same form of the stored text, a thousandth of the work."""

    iterations = 1_000
