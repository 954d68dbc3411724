"""``python -m personalization VERB --data DATA NAME ...``: learning as a process of its own."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
