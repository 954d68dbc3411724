"""Who decides what a story looks like. One file a kind: a frozen ``Settings``, a class and ``make``."""
