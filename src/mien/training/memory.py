"""Keeping the memory that one step frees for the next one."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST = 2**31 - 1
"""Bytes: the highest value that glibc's `mallopt` takes."""


def keep_freed_memory() -> bool:
    """Tell the C library not to give large blocks back to the system between training steps.

    Otherwise every activation of every step is new memory that the kernel must first fill with zeros; for the course
    CNN that is half a million page faults a step (`benchmarks/step_time.py` shows what it costs).  Lasts as long as the
    process, which keeps its peak memory until it ends.

    Returns:
        Whether the C library is one that can be told (glibc).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST) and mallopt(M_TRIM_THRESHOLD, LARGEST))
