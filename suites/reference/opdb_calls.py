# Owns how one of op_db's callables is seen as calls of public functions: a trace where the database holds a lambda or wrapper.
# It knows no operator by name.
"""Programs: {"calls": [{"paths": [...], "args": [...], "kwargs": {...}}], "result": tree}.

An entry whose callable is torch's own function is one call. Everything else (`lambda x: x.T`, a seeding wrapper, a small composition)
is run under a TorchFunctionMode, and the calls that the result depends on are kept, with what they were given.
"""

from __future__ import annotations

import torch
from opdb_frames import encode, tensors_in
from torch.overrides import TorchFunctionMode, resolve_name
from torch.testing._internal import common_methods_invocations as invocations


def unseeded(op, *args, **kwargs):
    return op(*args, **kwargs)


# Its lambdas seed with a constant; here every call is seeded from outside, so that the seed of the run decides.
invocations.wrapper_set_seed = unseeded


def lookup(root, path: str):
    for part in path.split("."):
        root = getattr(root, part, None)
    return root


def paths_of(name: str) -> list[str]:
    plain = name.removeprefix("torch.")
    return [f"torch.{plain}", f"torch.Tensor.{plain}", f"torch.ops.aten.{plain}"]


def is_direct(op) -> bool:
    """Whether the entry's callable is what its name says."""
    plain = op.name.removeprefix("torch.")
    called = op.op
    if called is lookup(torch, plain) or called is lookup(torch.Tensor, plain):
        return True
    return type(called).__name__ in ("OpOverloadPacket", "OpOverload") or getattr(called, "__name__", "") == "_fn"


class Tracer(TorchFunctionMode):
    """Notes every outermost call of a public function."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple] = []
        self.failed: tuple | None = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        try:
            result = func(*args, **(kwargs or {}))
        except Exception:
            self.failed = self.failed or (func, args, kwargs or {}, None)
            raise
        self.calls.append((func, args, kwargs or {}, result))
        return result


def name_of(func) -> list[str]:
    """The dotted paths under which a traced function is known."""
    if isinstance(func, torch._ops.OpOverload):
        return paths_of(func._schema.name.removeprefix("aten::"))
    name = (resolve_name(func) or getattr(func, "__qualname__", repr(func))).removesuffix(".__get__")
    name = name.replace("torch.functional.", "torch.")
    plain = name.removeprefix("torch.").removeprefix("Tensor.").removeprefix("_C._TensorBase.").removeprefix("_TensorBase.")
    first = name if name.startswith("torch.") else f"torch.{name}"
    return list(dict.fromkeys([first, *paths_of(plain)]))


def changes_argument(func, args: tuple, kwargs: dict, result) -> bool:
    name = getattr(func, "__name__", "")
    return name.endswith("_") and not name.endswith("__") and any(one is result for one in tensors_in([*args, kwargs]))


class Program:
    """The calls that lead from known tensors to a result."""

    def __init__(self, calls: list[tuple], result, known) -> None:
        self.raw = calls
        self.known = known
        # Every call that returned a tensor: an in-place one returns it again.
        self.origin: dict[int, list[list]] = {}
        for at, (_, _, _, out) in enumerate(calls):
            self.note(out, [at])
        # A call that changes its argument counts, whether or not its own result is used.
        self.needed: set[int] = {at for at, call in enumerate(calls) if changes_argument(*call)}
        self.result = self.tree(result)
        self.calls = [self.call(at) for at in range(len(calls)) if at in self.closed()]

    def note(self, value, path: list) -> None:
        if isinstance(value, torch.Tensor):
            if self.known(value) is None:
                self.origin.setdefault(id(value), []).append(path)
        elif isinstance(value, (list, tuple)):
            for at, one in enumerate(value):
                self.note(one, [*path, at])

    def tensor(self, value: torch.Tensor, before: int | None = None):
        known = self.known(value)
        if known is not None:
            return known
        made = [path for path in self.origin.get(id(value), []) if before is None or path[0] < before]
        path = made[-1] if made else None
        if path is None:
            return {"unknown": "a tensor that no traced call made"}
        self.needed.add(path[0])
        return {"r": path}

    def tree(self, value):
        for at, (_, _, _, out) in enumerate(self.raw):
            if out is value and not isinstance(value, (torch.Tensor, bool, int)):
                self.needed.add(at)
                return {"r": [at]}
        if not tensors_in(value) and self.raw:
            self.needed.add(len(self.raw) - 1)
            return {"r": [len(self.raw) - 1]}
        return encode(value, self.returned)

    def returned(self, value: torch.Tensor):
        """A tensor of the result: of the last call that gave it, also where it gave its own argument back."""
        at = next((at for at in range(len(self.raw) - 1, -1, -1) if self.raw[at][3] is value), None)
        if at is None:
            return self.tensor(value)
        self.needed.add(at)
        return {"r": [at]}

    def closed(self) -> set[int]:
        """The needed calls and those that they need; found from the last to the first."""
        for at in range(len(self.raw) - 1, -1, -1):
            if at in self.needed:
                self.call(at)
        return self.needed

    def call(self, at: int) -> dict:
        func, args, kwargs, _ = self.raw[at]
        return {
            "id": at,
            "paths": name_of(func),
            "args": [encode(one, lambda value: self.tensor(value, at)) for one in args],
            "kwargs": {key: encode(one, lambda value: self.tensor(value, at)) for key, one in kwargs.items()},
        }

    def encoded(self, own: list[str] = []) -> dict:  # noqa: B006 - never changed
        """The program; a single call is also known by the entry's own name."""
        if len(self.calls) == 1:
            self.calls[0]["paths"] = list(dict.fromkeys([*self.calls[0]["paths"], *own]))
        return {"calls": self.calls, "result": self.result}


def direct_program(op, args, kwargs, known) -> dict:
    call = {
        "id": 0,
        "paths": paths_of(op.name),
        "args": [encode(one, known) for one in args],
        "kwargs": {key: encode(one, known) for key, one in kwargs.items()},
    }
    return {"calls": [call], "result": {"r": [0]}}


class Probe:
    """A function that is an argument: called as it is, and seen as a program over what it is given."""

    def __init__(self, function) -> None:
        self.function = function
        self.program: dict | None = None

    def __call__(self, *args):
        tracer = Tracer()
        with tracer:
            result = self.function(*args)
        known = lambda tensor: next(({"o": k} for k, one in enumerate(args) if one is tensor), None)  # noqa: E731
        self.program = self.program or Program(tracer.calls, result, known).encoded()
        return result


def probed(value):
    """A nested value with its functions as probes."""
    if isinstance(value, dict):
        return {key: probed(one) for key, one in value.items()}
    plain = isinstance(value, (torch.Tensor, type, torch.Generator)) or not callable(value)
    return value if plain else Probe(value)
