"""Sinks and Sites for the loops; see support/sinks.py."""

from support.sinks import open_site, sink

__all__ = ["open_site", "sink"]
