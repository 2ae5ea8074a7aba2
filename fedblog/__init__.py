"""fedblog: a federated group-blog server."""

__version__ = "0.1.0"
