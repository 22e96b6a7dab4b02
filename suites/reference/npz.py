# Writes .npz files whose bytes depend on the arrays alone, and hashes files. It must not know what the arrays mean.
from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np

EPOCH = (1980, 1, 1, 0, 0, 0)


def npy_bytes(array: np.ndarray) -> bytes:
    """The .npy encoding, row-major, never pickled."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Sorted entries with a fixed timestamp: np.savez stamps the clock into the file, so that no two runs agree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(arrays):
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, npy_bytes(array=arrays[name]), compresslevel=9)


def write_json(path: Path, value, pretty: bool = False) -> None:
    """JSON without NaN; a list gets one line an element, so that a diff names the case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if pretty or not isinstance(value, list):
        text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False)
    else:
        lines = ",\n".join(json.dumps(one, allow_nan=False, ensure_ascii=False) for one in value)
        text = f"[\n{lines}\n]" if value else "[]"
    path.write_text(text + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
