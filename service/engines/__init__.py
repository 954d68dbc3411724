"""What renders pictures. One file (or package) a kind: a frozen ``Settings``, a class and ``make``."""
