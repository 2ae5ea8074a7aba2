"""One handler per activity type."""
