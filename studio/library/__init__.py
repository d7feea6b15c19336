"""The library of recorded voices: what is kept of each, in which files, and how it travels as one zip."""

from studio.library.entries import LibraryVoice, Recording, Reference
from studio.library.library import Library
from studio.library.travel import Arrival

__all__ = ["Arrival", "Library", "LibraryVoice", "Recording", "Reference"]
