"""The owner's token: whoever has it may change things. It is kept in the data folder, readable by its user alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from .errors import DataFolderError

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  #: none that are mistaken for one another: it is typed on a phone
GROUPS, LETTERS = 5, 4  #: 20 letters of 31: 99 bits


class Keys:
    """``data/token``. Read anew each time: another process may have replaced it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "token"

    def token(self) -> str:
        """The token; made when first asked for. Raises DataFolderError."""
        return self.known() or self.new()

    def new(self) -> str:
        """Another token; the one before opens nothing any more, nor do its logins. Raises DataFolderError."""
        token = "-".join("".join(secrets.choice(ALPHABET) for _ in range(LETTERS)) for _ in range(GROUPS))
        part = self._path.with_name(f"token.{os.getpid()}.part")
        try:
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{token}\n")
            part.replace(self._path)
        except OSError as error:
            raise DataFolderError(f"{self._path} cannot be written: {error.strerror}") from error
        return token

    def known(self) -> str:
        """The token, "" while there is none. Raises DataFolderError."""
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            raise DataFolderError(f"{self._path} cannot be read: {error}") from error
