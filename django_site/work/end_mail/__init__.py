"""Mail to people whose job or batch has ended, where they asked for it on its page."""
