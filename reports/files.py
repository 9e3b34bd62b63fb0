"""Files that are either whole or as they were: written beside their place, then moved into it."""

import os
import tempfile
from pathlib import Path

from cohort.errors import StudyError


def write_whole(path: str | Path, text: str) -> Path:
    """Write a text file in UTF-8; an older file stays as it was unless all went well.

    Raises StudyError when its folder is absent or cannot be written.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise StudyError(f"there is no folder '{target.parent}' to write '{target.name}' into.")
    if target.is_dir():
        raise StudyError(f"'{target}' is a folder: expected the name of a file.")
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name}.", suffix=".part"
        )
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _usual_mode())
        os.replace(temporary, target)
    except OSError as error:
        raise StudyError(f"'{target}' cannot be written: {error.strerror}.") from None
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
    return target


def _usual_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def make_folder(path: str | Path) -> Path:
    """The folder, made if need be.

    Raises StudyError when that is not possible.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"the folder '{folder}' cannot be made: {error.strerror}.") from None
    return folder
