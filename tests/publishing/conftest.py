"""A blog in its database for each test."""

from support.blog import actor_keys, site

__all__ = ["actor_keys", "site"]
