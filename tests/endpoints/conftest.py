"""The site whose endpoints are asked; see support/world.py."""

from support.blog import actor_keys
from support.world import base_url, handle_host, world

__all__ = ["actor_keys", "base_url", "handle_host", "world"]
