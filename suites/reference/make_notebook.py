# Writes fixtures/notebook/: what PyTorch and NumPy answer to every cell of the notebook. It asserts nothing about our engine.
"""usage: make_notebook.py FOLDER

FOLDER/notebook/notebook.npz holds `<cell>/<name>` arrays; notebook.json holds, per cell, `tensors` (dtype, shape, strides, text),
`values` (plain results, texts) and `errors` (class, message). Random inputs are recorded, so that another engine can replay them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

import inputs as build_inputs
import npz
import oracle

SEED = 20240613
STEPS = 10
LOOP_STEPS = 500
LARGE = 64


class Recorder:
    """Collects what the cells say."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.cells: dict[str, dict] = {}

    def cell(self, name: str) -> dict:
        return self.cells.setdefault(name, {"tensors": {}, "values": {}, "errors": {}})

    def tensor(self, cell: str, name: str, tensor: torch.Tensor, text: bool = True) -> torch.Tensor:
        entry = {
            "dtype": build_inputs.dtype_name(tensor.dtype), "shape": list(tensor.shape), "strides": list(tensor.stride()),
        }
        if text:
            entry["text"] = str(tensor)
        self.cell(cell)["tensors"][name] = entry
        self.arrays[f"{cell}/{name}"] = build_inputs.to_array(tensor).copy()
        return tensor

    def value(self, cell: str, name: str, value) -> None:
        self.cell(cell)["values"][name] = value

    def error(self, cell: str, name: str, call) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the error is what is recorded
            self.cell(cell)["errors"][name] = oracle.describe(error)
            return
        raise AssertionError(f"cell {cell}: {name} did not fail")


def create(r: Recorder) -> None:
    for name, made in {
        "ones": torch.ones(3, 2), "zeros": torch.zeros(3, 2), "zerosLike": torch.zeros_like(torch.rand(3, 2)),
        "linspace": torch.linspace(0, 1, steps=5), "matrix": torch.tensor([[1, 2], [3, 4], [5, 6]]),
    }.items():
        r.tensor("A", name, made)
    r.tensor("A", "rand", torch.rand(3, 2))
    drawn = r.tensor("A", "randn", torch.randn(3, 2))
    r.tensor("A", "round", torch.round(drawn))


def index(r: Recorder) -> None:
    x = r.tensor("B", "x", torch.tensor([[1, 2], [3, 4], [5, 6]]))
    r.value("B", "size", str(x.size()))
    r.tensor("B", "column", x[:, 1])
    r.tensor("B", "row", x[0, :])
    r.tensor("B", "element", x[1, 1])
    r.value("B", "item", x[1, 1].item())
    r.value("B", "elementSize", str(x[1, 1].size()))
    x[:, 1] = 0
    r.tensor("B", "written", x)
    r.error("B", "outOfRange", lambda: x[3, 0])
    r.error("B", "tooMany", lambda: x[0, 0, 0])
    r.error("B", "itemOfMany", lambda: x.item())


def reshape(r: Recorder) -> None:
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])
    r.tensor("C", "view23", x.view(2, 3))
    r.tensor("C", "view6", x.view(6, -1))
    y = x.view(2, 3)
    y[0, 0] = 100
    r.tensor("C", "shared", x)
    r.error("C", "incompatible", lambda: x.t().view(6))
    r.error("C", "wrongSize", lambda: x.view(4, 2))
    r.error("C", "twoInferred", lambda: x.view(-1, -1))


def arithmetic(r: Recorder) -> None:
    x, y = torch.ones(3, 2), torch.ones(3, 2)
    for name, made in {"add": x + y, "sub": x - y, "mul": x * y, "method": y.add(x)}.items():
        r.tensor("D", name, made)
    r.tensor("D", "untouched", y)
    returned = y.add_(x)
    r.tensor("D", "changed", y)
    r.value("D", "returnsItself", returned is y)
    r.error("D", "mismatch", lambda: x + torch.ones(2, 3))


def bridge(r: Recorder) -> None:
    x = torch.ones(3, 2)
    array = x.numpy()
    array[0, 0] = 7
    r.tensor("E", "seenByTensor", x)
    x[2, 1] = 9
    r.tensor("E", "seenByArray", torch.from_numpy(array))
    double = np.linspace(0, 1, 6).reshape(2, 3)
    r.tensor("E", "double", torch.from_numpy(double))
    r.tensor("E", "transposed", torch.from_numpy(np.arange(6, dtype=np.int32).reshape(2, 3).T))
    r.error("E", "needsGrad", lambda: torch.ones(2, requires_grad=True).numpy())


def cuda(r: Recorder) -> None:
    r.value("G", "device", str(torch.device("cuda:0")))
    r.value("G", "cpu", str(torch.device("cpu")))
    r.error("G", "unknown", lambda: torch.device("gpu"))


def autograd(r: Recorder) -> None:
    x = torch.ones([3, 2], requires_grad=True)
    r.value("H", "x", str(x))
    y = x + 5
    z = y * y + 1
    t = torch.sum(z)
    for name, made in {"y": y, "z": z, "t": t}.items():
        r.tensor("H", name, made)
    r.error("H", "nonScalar", lambda: z.backward())
    t.backward()
    r.tensor("H", "grad", x.grad)
    r.error("H", "twice", lambda: t.backward())
    r.error("H", "noGraph", lambda: torch.ones(()).backward())


def vector_jacobian(r: Recorder) -> None:
    x = torch.ones([3, 2], requires_grad=True)

    def forward():
        y = x + 5
        return 1 / (1 + torch.exp(-y))

    made = forward()
    r.tensor("I", "r", made)
    s = torch.sum(made)
    r.tensor("I", "s", s)
    s.backward()
    r.tensor("I", "gradOfSum", x.grad)
    x.grad = None
    forward().backward(torch.ones([3, 2]))
    r.tensor("I", "gradOfOnes", x.grad)
    r.error("I", "wrongSize", lambda: forward().backward(torch.ones([2, 2])))


def loss(r: Recorder) -> None:
    x = r.tensor("J", "x", torch.randn([20, 1]))
    y = 3 * x - 2
    w, b = torch.tensor([1.0], requires_grad=True), torch.tensor([1.0], requires_grad=True)
    y_hat = w * x + b
    total = torch.sum((y_hat - y) ** 2 / 2)
    total.backward()
    for name, made in {"y": y, "loss": total, "wGrad": w.grad, "bGrad": b.grad}.items():
        r.tensor("J", name, made)
    r.value("J", "w", str(w))


def training(r: Recorder) -> None:
    """Ten recorded steps, and the end of a long run: towards 3 and -2."""
    w, b = torch.tensor([1.0], requires_grad=True), torch.tensor([1.0], requires_grad=True)
    xs, path = [], []
    for step in range(LOOP_STEPS):
        x = torch.randn([20, 1])
        total = torch.sum((w * x + b - (3 * x - 2)) ** 2 / 2)
        total.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
            b -= 0.01 * b.grad
        w.grad.zero_()
        b.grad.zero_()
        if step < STEPS:
            xs.append(x)
            path.append([w.item(), b.item()])
    r.tensor("K", "x", torch.stack(xs), text=False)
    r.tensor("K", "path", torch.tensor(path, dtype=torch.float64), text=False)
    r.value("K", "last", [w.item(), b.item()])
    r.value("K", "printed", str(w))


def large(r: Recorder) -> None:
    """Cell L's step at a recordable size, with a stable rate: x.x is about N, so any rate above 2/N diverges."""
    rate = 1 / LARGE
    w = torch.randn([LARGE], requires_grad=True)
    b = torch.ones([1], requires_grad=True)
    r.tensor("L", "w", w, text=False)
    xs, losses = [], []
    for _ in range(STEPS):
        x = torch.randn([LARGE])
        y = torch.dot(3 * torch.ones([LARGE]), x) - 2
        total = torch.sum((torch.dot(w, x) + b - y) ** 2 / 2)
        total.backward()
        with torch.no_grad():
            w -= rate * w.grad
            b -= rate * b.grad
        w.grad.zero_()
        b.grad.zero_()
        xs.append(x)
        losses.append(total.item())
    r.tensor("L", "x", torch.stack(xs), text=False)
    r.tensor("L", "losses", torch.tensor(losses, dtype=torch.float64), text=False)
    r.tensor("L", "wEnd", w, text=False)
    r.tensor("L", "bEnd", b, text=False)
    r.value("L", "rate", rate)


CELLS = [create, index, reshape, arithmetic, bridge, cuda, autograd, vector_jacobian, loss, training, large]


def write(folder: Path) -> int:
    """Replaces FOLDER/notebook; returns how many cells were recorded."""
    torch.set_num_threads(1)
    recorder = Recorder()
    for k, cell in enumerate(CELLS):
        torch.manual_seed(SEED + k)
        cell(recorder)
    target = folder / "notebook"
    target.mkdir(parents=True, exist_ok=True)
    npz.write_npz(target / "notebook.npz", recorder.arrays)
    npz.write_json(target / "notebook.json", recorder.cells, pretty=True)
    return len(recorder.cells)


def main() -> int:
    print(f"{write(Path(sys.argv[1]))} notebook cells recorded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
