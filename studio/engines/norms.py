"""The norm by the root of the mean square, in the way that is quickest for a device and a type. Knows no model."""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor


def normed(x: Tensor, weight: Tensor | None, epsilon: float) -> Tensor:
    """x (..., width) divided by the root of its mean square, times the weight (width,) if there is one.

    A card has one kernel for it. torch's CPU does it by seven operations, each with a tensor of its own; here are five,
    of which two are about all numbers: for a single row half the time.
    """
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return F.rms_norm(x, x.shape[-1:], weight, epsilon)
    width = x.shape[-1]
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    y = x / torch.hypot(length, _least(width, epsilon)).mul_(width**-0.5)
    return y if weight is None else y.mul_(weight)


@cache
def _least(width: int, epsilon: float) -> Tensor:
    """The length that epsilon adds to every row."""
    return torch.tensor(math.sqrt(width * epsilon))
