# Writes fixtures/manifest.json, last: versions, seed, and every file's bytes and sha256. It must not change any other file.
"""usage: manifest.py FOLDER"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import numpy as np
import torch

import npz

SCHEMA = 1
SEED = "philox keyed by sha256('<case id>#<role>')[:16]"
LIMIT = 44 * 2**20


def write(folder: Path) -> dict:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    entries = [
        {"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": npz.sha256(path)} for path in files
    ]
    manifest = {
        "schema": SCHEMA,
        "generator": "scripts/reference",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__.split("+")[0],
        "seed": SEED,
        "files": sorted(entries, key=lambda one: one["path"]),
    }
    npz.write_json(folder / "manifest.json", manifest, pretty=True)
    return manifest


def main() -> int:
    folder = Path(sys.argv[1])
    total = sum(one["bytes"] for one in write(folder)["files"])
    print(f"{folder}: {total / 2**20:.1f} MiB")
    if total > LIMIT:
        print(f"the tree is larger than {LIMIT // 2**20} MiB: fewer or smaller cases, please", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
