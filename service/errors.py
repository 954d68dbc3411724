"""What can go wrong, named after who failed.

FrontispieceError
  ConfigError        the owner must edit config.toml
  DataFolderError    the data folder cannot be used: full, read-only, locked by another service
  SourceError        a feed could not be read
  EditorError        a story could not be described
    Declined         the editor will not have this story illustrated; trying again cannot help
  EngineError        a picture could not be made
  ComposeError       a slide could not be set
  DisplayError       a screen could not be reached
  Busy               a round is running already

Anything else is a bug: it is logged once and raised.
"""


class FrontispieceError(Exception):
    """Base of every failure we expect. The message says what failed and, where it can, what to do."""


class ConfigError(FrontispieceError):
    """One or more mistakes in ``config.toml``; ``mistakes`` has a line for each."""

    def __init__(self, mistakes: list[str] | str) -> None:
        self.mistakes = [mistakes] if isinstance(mistakes, str) else list(mistakes)
        super().__init__("; ".join(self.mistakes))


class DataFolderError(FrontispieceError): ...


class SourceError(FrontispieceError):
    """A feed could not be read. ``retry_after`` (seconds) is what its server asked for, if it did."""

    def __init__(self, message: str, *, retry_after: float | None = None, gone: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.gone = retry_after, gone


class EditorError(FrontispieceError): ...


class Declined(EditorError): ...


class EngineError(FrontispieceError): ...


class ComposeError(FrontispieceError): ...


class DisplayError(FrontispieceError): ...


class Busy(FrontispieceError): ...
