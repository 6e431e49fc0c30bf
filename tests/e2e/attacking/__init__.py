"""What an attacker sends to the whole service: other people's things, forged and stolen credentials."""
