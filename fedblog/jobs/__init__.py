"""The loops: deliveries, scheduled posts, follow-ups, housekeeping."""
