"""What a mark costs a picture: PSNR, structural similarity, and the largest change of a sample."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL.Image import Image

_WINDOW, _SIGMA = (11, 11), 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

_Plane = npt.NDArray[np.float64]


def psnr(a: Image, b: Image) -> float:
    """Return the peak signal-to-noise ratio over all samples, in decibels: infinite for equal pictures."""
    error = float(np.square(_samples(a) - _samples(b)).mean())
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def largest_change(a: Image, b: Image) -> int:
    """Return the largest difference of two samples at the same place, in levels of 0..255."""
    return int(np.abs(_samples(a) - _samples(b)).max())


def ssim(a: Image, b: Image) -> float:
    """Return the structural similarity, the mean over the three channels: 1 for equal pictures.

    Wang, Bovik, Sheikh and Simoncelli, 2004: Gaussian window of 11x11 with sigma 1.5, K1 = 0.01, K2 = 0.03,
    over the places where the window fits into the picture.
    """
    first, second = _samples(a), _samples(b)
    return float(np.mean([_similarity(first[..., channel], second[..., channel]) for channel in range(3)]))


def _similarity(a: _Plane, b: _Plane) -> float:
    mean_a, mean_b = _smooth(a), _smooth(b)
    variance_a = _smooth(a * a) - mean_a**2
    variance_b = _smooth(b * b) - mean_b**2
    covariance = _smooth(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    below = (mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2)
    return float((above / below).mean())


def _smooth(plane: _Plane) -> _Plane:
    smoothed = np.asarray(cv2.GaussianBlur(np.ascontiguousarray(plane), _WINDOW, _SIGMA), np.float64)
    margin = _WINDOW[0] // 2
    return smoothed[margin:-margin, margin:-margin]


def _samples(image: Image) -> _Plane:
    return np.asarray(image.convert("RGB"), np.float64)
