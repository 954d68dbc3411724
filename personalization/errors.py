"""What can go wrong, named after what failed.

PersonalizationError
  SubjectError       a subject's name, card or folder cannot be used
"""


class PersonalizationError(Exception):
    """Base of every failure we expect. The message says what failed and, where it can, what to do."""


class SubjectError(PersonalizationError): ...
