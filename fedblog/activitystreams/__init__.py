"""The language: contexts, writing (domain to JSON), reading (JSON to typed values, tolerant)."""
