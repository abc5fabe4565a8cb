"""Writes the shipped files: int8 table with one float32 scale per row, vocabulary, manifest with hashes.

Usage: python export.py WORK/table.npz ../models/local VERSION [WORK/scale.json]
"""
import hashlib, json, os, sys
import numpy as np

DEFAULT_SCALE = {"threshold": 0.3, "examples": [0], "atThreshold": [0.3]}


def main(source, folder, version, scale_file=None):
    f = np.load(source)
    table = f["table"].astype(np.float32)
    words = list(f["vocabulary"]) + list(f["pairs"])
    limit = np.maximum(np.abs(table).max(1), 1e-8)
    scale = (limit / 127).astype("<f4")
    cells = np.clip(np.rint(table / scale[:, None]), -127, 127).astype(np.int8)
    files = {"table": ("table.bin", scale.tobytes() + cells.tobytes()), "vocabulary": ("vocabulary.txt", "\n".join(words).encode())}
    os.makedirs(folder, exist_ok=True)
    for name, content in files.values():
        open(os.path.join(folder, name), "wb").write(content)
    manifest = {
        "name": "sluice-static", "version": version, "dimensions": int(table.shape[1]), "words": len(words), "buckets": int(f["buckets"]),
        "files": {k: {"name": n, "bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()} for k, (n, c) in files.items()},
        "scale": json.load(open(scale_file)) if scale_file else DEFAULT_SCALE,
    }
    json.dump(manifest, open(os.path.join(folder, "manifest.json"), "w"), indent=2)
    open(os.path.join(folder, "manifest.json"), "a").write("\n")
    print({k: len(c) for k, (_, c) in files.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
