"""JSON for authors' tools."""
