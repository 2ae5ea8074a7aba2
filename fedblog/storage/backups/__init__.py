"""Backups: one archive of the database and of all else in the data folder, and the way back."""

WORK = "fedblog.restore"
"""Where a restore unpacks, in the data folder and beside a database that is elsewhere."""
JOURNAL = "fedblog.restore.json"
"""What a restore that is putting files in place has yet to do."""
