"""What can go wrong, named after who failed.

FrontispieceError
  ConfigError        the owner must edit config.toml
  DataFolderError    the data folder cannot be used: full, read-only, locked by another service
  SourceError        a feed or a page could not be read
  EditorError        a story could not be described
    Declined         the editor will not have this story illustrated; trying again cannot help
    OffDuty          the editor may not be asked now: switched off, out of budget, or resting after failures
  EngineError        a picture could not be made
    NotNow           the engine may not paint now, which is nobody's failure: no attempt is spent
  ComposeError       a slide could not be set
  DisplayError       a screen could not be reached
  BrokerError        the MQTT broker could not be used
  SubjectError       a subject's name, card or folder cannot be used
  GpuBusy            another process of ours has the GPU
  Withdrawn          the owner took a plate back while it was worked on
  Busy               a round is running already, or too many orders wait
  Refused            what the owner asks for cannot be done now, and why

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
    """A feed could not be read.

    ``status`` is its server's answer (HTTP), if there was one; ``retry_after``, in seconds, what that asked for.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after

    @property
    def gone(self) -> bool:
        """Whether its publisher has ended it for good (410)."""
        return self.status == 410


class EditorError(FrontispieceError): ...


class Declined(EditorError): ...


class OffDuty(EditorError): ...


class EngineError(FrontispieceError): ...


class NotNow(EngineError): ...


class ComposeError(FrontispieceError): ...


class DisplayError(FrontispieceError): ...


class BrokerError(FrontispieceError): ...


class SubjectError(FrontispieceError): ...


class GpuBusy(FrontispieceError): ...


class Withdrawn(FrontispieceError): ...


class Busy(FrontispieceError): ...


class Refused(FrontispieceError): ...
