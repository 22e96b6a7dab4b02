# The named workloads that NumPy and PyTorch are raced on: the notebook's timed cells, calls, gradients and chains of ops.
# It measures no time; worker.py does. suites/bench/*-rows.ts and cpu-*.ts hold the same steps for our engine: change both.
"""A workload has `step()` (one iteration) and, where its result can be compared, `output()`: one step from the given inputs."""

from __future__ import annotations

import functools
import operator
import os
import shutil

import numpy as np
import torch

import inputs as build_inputs
import oracle


# Where PyTorch's tensors live; worker.py's `hello` says it.
DEVICE = torch.device("cpu")


def load(raw: dict) -> np.ndarray:
    """A tensor that the caller wrote: little-endian values in a file, with a shape, and strides where it is a view."""
    dtype = np.dtype("bool" if raw["dtype"] == "bool" else raw["dtype"])
    base = np.fromfile(raw["file"], dtype=dtype)
    strides = raw.get("strides")
    if strides is None:
        return base.reshape(raw["shape"])
    start = base[raw.get("offset", 0):]
    return np.lib.stride_tricks.as_strided(start, raw["shape"], [step * dtype.itemsize for step in strides])


def tensor(raw: dict) -> torch.Tensor:
    """The same as PyTorch's, on the device; a view keeps its strides there."""
    array = load(raw)
    if DEVICE.type == "cpu":
        return torch.from_numpy(array)
    if raw.get("strides") is None:
        return torch.from_numpy(array).to(DEVICE)
    base = torch.from_numpy(load({**raw, "strides": None, "shape": [-1]})).to(DEVICE)
    return base.as_strided(raw["shape"], raw["strides"], raw.get("offset", 0))


class TorchCall:
    """torch_path(*args, **kwargs): a row of the sweep."""

    def __init__(self, spec: dict) -> None:
        made = build_inputs.Inputs(spec.get("id", "bench"), with_grad=False)
        value = lambda one: tensor(one["raw"]) if isinstance(one, dict) and "raw" in one else (  # noqa: E731
            [value(each) for each in one] if isinstance(one, list) else made.argument(one))
        self.args = [value(one) for one in spec["args"]]
        self.kwargs = {name: value(one) for name, one in spec.get("kwargs", {}).items()}
        # A partial, not a method: its overhead is a tenth of a small operation's, and would be charged to the reference.
        self.step = functools.partial(oracle.resolve(spec["torch"]), *self.args, **self.kwargs)

    def output(self):
        first = oracle.flatten(self.step())[0]
        return build_inputs.to_array(first)


class NumpyCall:
    """numpy_path(*args, **kwargs), options translated by PyTorch's parameter names."""

    def __init__(self, spec: dict) -> None:
        twin = TorchCall(spec)
        positional, named = oracle.numpy_arguments(spec, twin.args, twin.kwargs)
        self.step = functools.partial(oracle.resolve(spec["numpy"]), *positional, **named)

    def output(self):
        return np.asarray(oracle.flatten(self.step())[0])


class TorchBackward:
    """The gradients of torch_path(*args) with respect to every floating tensor argument; the graph is built once, outside the timing."""

    def __init__(self, spec: dict) -> None:
        twin = TorchCall(spec)
        leaves = [one.requires_grad_() for one in [*twin.args, *twin.kwargs.values()] if torch.is_tensor(one) and one.is_floating_point()]
        result = oracle.flatten(oracle.resolve(spec["torch"])(*twin.args, **twin.kwargs))[0]
        gradient = tensor(spec["gradient"])
        self.step = functools.partial(torch.autograd.grad, [result], leaves, [gradient], retain_graph=True)

    def output(self):
        return torch.cat([one.reshape(-1) for one in self.step()]).cpu().numpy()


def chain(lib, x, y):
    """Eight pointwise operations; suites/bench/cpu-fuse.ts fuses the same."""
    return lib.tanh(lib.exp(-(x * x)) * 0.5 + x) * y - x


class Chain:
    """Eagerly, or with `compile` through torch.compile: its compilation is over before the first block."""

    def __init__(self, backend: str, spec: dict) -> None:
        x, y = load(spec["x"]), load(spec["y"])
        if backend == "numpy":
            self.step = functools.partial(chain, np, x, y)
            return
        run = functools.partial(chain, torch)
        x, y = torch.from_numpy(x).to(DEVICE), torch.from_numpy(y).to(DEVICE)
        if spec.get("compile"):
            run = compiled(run)
            run(x, y)
        self.step = functools.partial(run, x, y)

    def output(self):
        result = self.step()
        return result.cpu().numpy() if torch.is_tensor(result) else np.asarray(result)


def compiled(function):
    compiler = os.environ.get("CXX") or "g++"
    if shutil.which(compiler) is None:
        raise RuntimeError(f"torch.compile needs a C++ compiler, and there is no {compiler}")
    import torch._inductor.config as config

    # In this process: helpers would outlive the compilation, and take processor time from the race.
    config.compile_threads = 1
    return torch.compile(function, dynamic=False)


class Peak:
    """How far resident memory rose above where it stood, over some steps of another workload. Wants a process that did nothing else."""

    def __init__(self, backend: str, spec: dict) -> None:
        self.work, self.rounds = make(backend, spec["of"]), spec["rounds"]
        # The peak so far is that of the imports.
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        self.before = self.resident("VmRSS")

    @staticmethod
    def resident(field: str) -> int:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))

    def output(self):
        for _ in range(self.rounds):
            self.work.step()
        return np.array([self.resident("VmHWM") - self.before], dtype=np.float64)


class RandomPair:
    """T1 to T3: draw two matrices, combine them. NumPy draws float32 with its fast generator, so that all do the same work."""

    def __init__(self, backend: str, spec: dict, combine) -> None:
        self.shape = tuple(spec.get("shape") or (spec["size"], spec["size"]))
        self.combine = combine
        if backend == "torch":
            self.draw = lambda: torch.randn(*self.shape, device=DEVICE)
        else:
            rng = np.random.default_rng(1)
            self.draw = lambda: rng.standard_normal(self.shape, dtype=np.float32)

    def step(self):
        return self.combine(self.draw(), self.draw())


class TorchStepH:
    def step(self):
        x = torch.ones([3, 2], requires_grad=True, device=DEVICE)
        y = x + 5
        z = y * y + 1
        torch.sum(z).backward()
        return x.grad

    def output(self):
        return self.step().cpu().numpy()


class TorchStepK:
    """One training step of J's line; `x` is given for the comparison, drawn afresh in the race."""

    def __init__(self, x: dict | None) -> None:
        self.x = None if x is None else tensor(x)
        self.reset()

    def reset(self) -> None:
        self.w = torch.tensor([1.0], requires_grad=True, device=DEVICE)
        self.b = torch.tensor([1.0], requires_grad=True, device=DEVICE)

    def once(self, x):
        w, b = self.w, self.b
        loss = torch.sum((w * x + b - (3 * x - 2)) ** 2 / 2)
        loss.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
            b -= 0.01 * b.grad
        w.grad.zero_()
        b.grad.zero_()

    def step(self):
        self.once(torch.randn([20, 1], device=DEVICE))

    def output(self):
        self.reset()
        self.once(self.x)
        result = np.array([self.w.item(), self.b.item()], dtype=np.float32)
        self.reset()
        return result


class TorchStepL:
    """One epoch of cell L, as the notebook writes it; `rate` is tiny in the race so that thousands of steps stay finite."""

    def __init__(self, size: int, rate: float, x: dict | None, w: dict | None) -> None:
        self.size, self.rate = size, rate
        self.x = None if x is None else tensor(x)
        self.start = torch.randn([size], device=DEVICE) if w is None else tensor(w)
        self.reset()

    def reset(self) -> None:
        self.w = self.start.clone().requires_grad_()
        self.b = torch.ones([1], requires_grad=True, device=DEVICE)

    def once(self, x):
        w, b = self.w, self.b
        y = torch.dot(3 * torch.ones([self.size], device=DEVICE), x) - 2
        y_hat = torch.dot(w, x) + b
        loss = torch.sum((y_hat - y) ** 2 / 2)
        loss.backward()
        with torch.no_grad():
            w -= self.rate * w.grad
            b -= self.rate * b.grad
        w.grad.zero_()
        b.grad.zero_()

    def step(self):
        self.once(torch.randn([self.size], device=DEVICE))

    def output(self):
        self.reset()
        self.once(self.x)
        return torch.cat([self.w.detach(), self.b.detach()]).cpu().numpy()


class Sleep:
    """For tests of the caller's time limits."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def step(self):
        import time

        time.sleep(self.seconds)


def add_in_place(x, y):
    x += y
    return x


PAIRS = {"T1": operator.matmul, "T2": operator.add, "T3": add_in_place}


def make(backend: str, spec: dict):
    """The workload of a `prepare` request."""
    name = spec["name"]
    if name == "call":
        return (TorchCall if backend == "torch" else NumpyCall)(spec)
    if name == "chain":
        return Chain(backend, spec)
    if name == "peak":
        return Peak(backend, spec)
    if name == "backward" and backend == "torch":
        return TorchBackward(spec)
    if name in PAIRS:
        return RandomPair(backend, spec, PAIRS[name])
    if name == "sleep":
        return Sleep(spec["seconds"])
    if backend == "torch" and name == "H":
        return TorchStepH()
    if backend == "torch" and name == "K":
        return TorchStepK(spec.get("x"))
    if backend == "torch" and name == "L":
        return TorchStepL(spec["size"], spec["rate"], spec.get("x"), spec.get("w"))
    raise ValueError(f"{backend} has no workload {name!r}")
