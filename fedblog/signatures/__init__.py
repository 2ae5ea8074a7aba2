"""HTTP signatures, digests and keys: pure functions, no network, no database."""
