"""What can go wrong while learning, named after what failed.

PersonalizationError
  PhotoError         a photo, or the set of them, cannot be learned from
  BaseError          the base model cannot be read, or is not of a family that can learn
  TrainingError      learning stopped: memory, disk, a lost GPU, a result that is not fit to publish

A subject's name, card or folder that cannot be used is the service's ``SubjectError``.
"""


class PersonalizationError(Exception):
    """Base of every failure we expect. The message says what failed and, where it can, what to do."""


class PhotoError(PersonalizationError): ...


class BaseError(PersonalizationError): ...


class TrainingError(PersonalizationError): ...
