# Compares two fixture trees array by array and says what drifted, floats in ULP. It changes neither.
"""usage: drift.py COMMITTED FRESH        exit 1 where they differ"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import numpy as np


def ordered(array: np.ndarray) -> np.ndarray:
    """Floats as integers in the same order, so that a difference counts the representable numbers between."""
    whole = {2: np.int16, 4: np.int32, 8: np.int64}[array.dtype.itemsize]
    bits = np.ascontiguousarray(array).view(whole).astype(object if whole is np.int64 else np.int64)
    lowest = -(2 ** (8 * array.dtype.itemsize - 1))
    return np.where(bits < 0, lowest - bits, bits)


def difference(old: np.ndarray, new: np.ndarray) -> str | None:
    """What separates two arrays, or None."""
    if old.dtype != new.dtype or old.shape != new.shape:
        return f"{old.dtype}{list(old.shape)} became {new.dtype}{list(new.shape)}"
    if old.tobytes() == new.tobytes():
        return None
    if old.dtype.kind == "c":
        part = np.float32 if old.dtype.itemsize == 8 else np.float64
        return difference(old.view(part), new.view(part))
    if old.dtype.kind != "f":
        return f"{int((old != new).sum())} of {old.size} elements differ"
    nan = np.isnan(old) != np.isnan(new)
    if nan.any():
        return f"{int(nan.sum())} of {old.size} elements are nan on one side only"
    both = ~np.isnan(old)
    if not both.any():
        return None
    gaps = np.abs(ordered(old)[both] - ordered(new)[both])
    worst = int(gaps.max())
    return f"{int((gaps > 0).sum())} of {old.size} elements differ, at most {worst} ULP" if worst else None


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def compare_npz(name: str, old: Path, new: Path) -> list[str]:
    left, right = arrays(old), arrays(new)
    found = [f"{name}: {key} is gone" for key in sorted(left.keys() - right.keys())]
    found += [f"{name}: {key} is new" for key in sorted(right.keys() - left.keys())]
    for key in sorted(left.keys() & right.keys()):
        if reason := difference(left[key], right[key]):
            found.append(f"{name}: {key}: {reason}")
    return found


def compare_json(name: str, old: Path, new: Path) -> list[str]:
    left, right = (json.loads(path.read_text(encoding="utf-8")) for path in (old, new))
    if left == right:
        return []
    if not (isinstance(left, list) and isinstance(right, list)):
        return [f"{name}: differs"]
    by_id = [{one.get("id", str(k)): one for k, one in enumerate(side)} for side in (left, right)]
    keys = sorted(by_id[0].keys() | by_id[1].keys())
    return [f"{name}: {key} differs" for key in keys if by_id[0].get(key) != by_id[1].get(key)]


def compare(old: Path, new: Path) -> list[str]:
    """Every difference between two trees, as lines."""
    names = [{p.relative_to(side).as_posix() for p in side.rglob("*") if p.is_file()} for side in (old, new)]
    found = [f"{name}: not regenerated" for name in sorted(names[0] - names[1])]
    found += [f"{name}: not committed" for name in sorted(names[1] - names[0])]
    for name in sorted((names[0] & names[1]) - {"manifest.json"}):
        if (old / name).read_bytes() == (new / name).read_bytes():
            continue
        try:
            kind = compare_npz if name.endswith(".npz") else compare_json if name.endswith(".json") else None
            found += kind(name, old / name, new / name) if kind else [f"{name}: differs"]
        except (ValueError, OSError, zipfile.BadZipFile) as error:
            found.append(f"{name}: cannot be read: {error}")
    return found


def main() -> int:
    found = compare(Path(sys.argv[1]), Path(sys.argv[2]))
    for line in found[:200]:
        print(line)
    if len(found) > 200:
        print(f"and {len(found) - 200} more")
    print(f"{len(found)} differences" if found else "no drift")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
