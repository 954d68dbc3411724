"""How screens are reached. One file a kind: a frozen ``Settings``, a class and ``make``."""
