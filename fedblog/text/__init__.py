"""Markdown, sanitising, excerpts, hashtags, slugs: pure functions."""
