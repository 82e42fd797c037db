"""A SQLite file that is only a copy: whatever is wrong with it, it is made anew."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_cache(
    path: Path, version: int, table: str, columns: str, patience: float = 0.5
) -> sqlite3.Connection:
    """Open a cache of one table, making it where it is missing, damaged or of another version.

    Parameters
    ----------
    path : Path
        The file; its folder is made, too.
    version : int
        Of what the table holds.
    table : str
        The statement after ``CREATE TABLE``, the table's name first.
    columns : str
        Its columns, separated by commas: a table without them is none.
    patience : float
        Seconds to wait for another program that is just using it.

    Raises
    ------
    OSError, sqlite3.Error
        If the file cannot be used, or another program is just using it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connected(path, version, table, columns, patience)
    except sqlite3.DatabaseError as error:
        if in_use(error):
            raise
        path.unlink()
        return _connected(path, version, table, columns, patience)


def in_use(error: Exception) -> bool:
    """Whether nothing is wrong but that another program is using the file."""
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _connected(
    path: Path, version: int, table: str, columns: str, patience: float
) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=patience)
    name = table.split()[0]
    try:
        # A power cut may damage it: it is checked and made again.
        database.execute("PRAGMA synchronous = OFF")
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found != version:
            with database:
                database.execute(f"DROP TABLE IF EXISTS {name}")
                database.execute(f"CREATE TABLE {table}")
                database.execute(f"PRAGMA user_version = {version}")
        database.execute(f"SELECT {columns} FROM {name} LIMIT 1").fetchone()
    except BaseException:
        database.close()
        raise
    return database
