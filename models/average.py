"""Averages two tables of one vocabulary (a "soup"): nearly the better of both in every regime.

Usage: python average.py FIRST.npz SECOND.npz OUT.npz
"""
import sys
import numpy as np

FIRST_SHARE = 0.6

if __name__ == "__main__":
    first, second = (np.load(path) for path in sys.argv[1:3])
    assert list(first["vocabulary"]) == list(second["vocabulary"]) and list(first["pairs"]) == list(second["pairs"])
    table = FIRST_SHARE * first["table"].astype(np.float32) + (1 - FIRST_SHARE) * second["table"].astype(np.float32)
    np.savez(sys.argv[3], table=table.astype(np.float16), vocabulary=first["vocabulary"], pairs=first["pairs"], buckets=first["buckets"])
