"""The pages of work, over the whole service."""
