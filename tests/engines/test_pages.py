"""Memory of weights: on huge pages where the system has them, and what was freed given back."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from studio.engines import pages  # noqa: E402
from studio.engines.pages import settled  # noqa: E402

MB = 1 << 20
SMAPS = Path("/proc/self/smaps")


def huge_bytes(tensor: torch.Tensor) -> int:
    """How much of the mappings that the tensor is in lies on huge pages."""
    begin, end = tensor.data_ptr(), tensor.data_ptr() + tensor.numel() * tensor.element_size()
    found, is_in = 0, False
    for line in SMAPS.read_text().splitlines():
        if span := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            is_in = int(span[1], 16) < end and int(span[2], 16) > begin
        elif is_in and line.startswith("AnonHugePages:"):
            found += int(line.split()[1]) * 1024
    return found


@pytest.mark.skipif(sys.platform != "linux" or not pages.SIZE.is_file(), reason="Linux with huge pages only")
@pytest.mark.parametrize("was_there", [False, True])
def test_what_is_kept_lies_on_huge_pages(was_there: bool) -> None:
    kept = torch.empty(64 * MB, dtype=torch.uint8) if was_there else None
    with settled():
        kept = torch.full((64 * MB,), 7, dtype=torch.uint8) if kept is None else kept.fill_(7)
    assert bool((kept == 7).all())
    if not huge_bytes(kept):
        pytest.skip("this system has no huge page to give (Linux before 6.1, or its memory is in pieces)")
    assert huge_bytes(kept) >= 32 * MB  # as far as the system has some left


def test_elsewhere_all_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "SIZE", tmp_path / "none")
    with settled():
        kept = torch.full((8 * MB,), 7, dtype=torch.uint8)
    assert bool((kept == 7).all())


@pytest.mark.parametrize(
    ("spans", "taken", "left"),
    [
        ([(0, 10)], [], [(0, 10)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 10)], [(2, 4)], [(0, 2), (4, 10)]),
        ([(0, 10), (20, 30)], [(5, 25)], [(0, 5), (25, 30)]),
        ([(5, 10)], [(0, 3), (12, 20)], [(5, 10)]),
    ],
)
def test_what_is_new_is_told_from_what_was_there(
    spans: list[pages.Span], taken: list[pages.Span], left: list[pages.Span]
) -> None:
    assert pages._without(spans, taken) == left
