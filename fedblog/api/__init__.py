"""JSON for authors' tools: /api/v1."""
