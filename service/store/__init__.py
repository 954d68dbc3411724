"""Everything remembered: one SQLite file, and pictures named by their SHA-256. Plain SQL, in this room only."""

from .appearances import Appearances
from .archive import Archive, Arrival, Hung
from .folder import Folder
from .journal import Account, Journal, Making, Try
from .rows import FeedRow
from .screens import Code, Screen, Screens
from .store import Store
from .wishes import Dial, Wishes

__all__ = [
    "Account", "Appearances", "Archive", "Arrival", "Code", "Dial", "FeedRow", "Folder", "Hung", "Journal", "Making",
    "Screen", "Screens", "Store", "Try", "Wishes",
]  # fmt: skip
