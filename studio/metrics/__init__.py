"""What can be measured on a sound, a pure function each; its definition, unit and source stand in its docstring.

A function that cannot say gives `Missing` with the reason, never a number.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Missing:
    """A measure that was not taken. reason: why, without a full stop ("the clip has 0.8 s of speech, 1.6 are needed").
    remedy: what would give it, if anything.
    """

    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"missing, because {self.reason}"
