# Records what PyTorch's optimizers and schedulers do: writes FOLDER/optim, which test/engine/optim replays.
"""usage: make_optim.py FOLDER"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import npz
import optim_cases
import optim_schedules


def write_packed(path: Path, value) -> None:
    """Compressed JSON whose bytes depend on the value alone."""
    path.write_bytes(gzip.compress(json.dumps(value, allow_nan=False).encode(), 9, mtime=0))


def write(folder: Path) -> None:
    records, rows = optim_cases.trajectories()
    npz.write_npz(folder / "trajectories.npz", rows)
    write_packed(folder / "trajectories.json.gz", records)
    records, rows = optim_schedules.schedules()
    npz.write_npz(folder / "schedules.npz", rows)
    write_packed(folder / "schedules.json.gz", records)
    write_packed(folder / "differentiable.json.gz", optim_cases.differentiable())
    write_packed(folder / "errors.json.gz", {"optimizers": optim_cases.errors(), "schedulers": optim_schedules.errors()})


if __name__ == "__main__":
    write(Path(sys.argv[1]) / "optim")
