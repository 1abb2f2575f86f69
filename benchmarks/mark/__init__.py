"""Measures marks side by side: what they survive, what they cost, how often they are wrong, how long they take.

    make bench-mark        # or: python -m benchmarks.mark --help

The reader gets the attacked picture as it is: no size, no pose, no original. A payload counts as read when
every bit of it is right. All figures of a report come from one run.
"""

import os

# Figures are for one core: set before NumPy is loaded, here and in the processes that this one starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
