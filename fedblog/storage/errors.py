"""The errors of storage."""


class StorageError(Exception):
    """Something about the database or the data folder is not as it must be."""


class StoreClosedError(StorageError):
    """The store takes no more work."""


class DatabaseError(StorageError):
    """The database refused or failed; the driver's own error is the cause."""


class ConstraintError(DatabaseError):
    """A unit broke a key or a constraint; nothing of it was kept."""


class StorageFullError(DatabaseError):
    """There is no room for what was to be written; nothing of it was kept."""


class DatabaseBusyError(DatabaseError):
    """Another process held the database for too long; nothing was kept."""


class DamagedError(DatabaseError):
    """The file is no database, or not a whole one."""


class UnusableDatabaseError(StorageError):
    """What stands at the address is no database of fedblog; *what* says what it is instead."""

    def __init__(self, text: str, *, what: str) -> None:
        super().__init__(text)
        self.what = what


class ForeignLogError(StorageError):
    """Beside the database file stands the log of another; the message says the ways out."""


class BackupError(StorageError):
    """A backup cannot be made, or is not one that can be restored here."""


class SchemaError(StorageError):
    """The tables are missing, or not those that this version needs."""


class DataFolderInUseError(StorageError):
    """Another process serves this data folder; the message says which."""
