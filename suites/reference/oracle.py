# Asks PyTorch and NumPy for one case, generically: dotted path, variant, arguments. It must not know any op, and writes no file.
from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass, field

import numpy as np
import torch

import inputs as build_inputs

TEXT_LIMIT = 100  # elements: longer tensors are not printed into fixtures
MESSAGE_LIMIT = 2000  # characters
# PyTorch's keyword names in NumPy's spelling, wherever they mean the same.
NUMPY_NAMES = {
    "dim": "axis", "keepdim": "keepdims", "dims": "axis", "correction": "ddof", "shifts": "shift", "diagonal": "k",
    "descending": None, "stable": None, "decimals": "decimals", "dtype": "dtype",
}


def resolve(path: str):
    """The object of a dotted path: torch.nn.functional.relu, numpy.linalg.norm, torch.Tensor.add_."""
    parts = path.split(".")
    found = importlib.import_module(parts[0])
    for part in parts[1:]:
        found = getattr(found, part)
    return found


def flatten(value) -> list:
    """Nested results, depth first; named tuples in field order."""
    if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
        return [leaf for one in value for leaf in flatten(one)]
    return [value]


@dataclass
class Answer:
    """What PyTorch said: outputs (tensors or plain Python values) or an error."""

    outputs: list = field(default_factory=list)
    error: dict | None = None


def call_torch(case: dict, args: list, kwargs: dict):
    """The call a case describes. A method or in-place variant is the attribute of its first argument."""
    variant = case.get("variant") or "function"
    path = case["torch"]
    if variant == "function":
        found = resolve(path)
        return found(*args, **kwargs) if callable(found) else found.__get__(args[0])
    name = path.rsplit(".", 1)[1]
    if variant == "inplace" and not name.endswith("_"):
        name += "_"
    return getattr(args[0], name)(*args[1:], **kwargs)


def describe(error: BaseException) -> dict:
    """Class and message as PyTorch raises them, without C++ backtraces."""
    message = str(error).split("\nException raised from")[0]
    return {"class": type(error).__name__, "message": message[:MESSAGE_LIMIT]}


def ask(case: dict, args: list, kwargs: dict) -> Answer:
    """Calls PyTorch; an exception is an answer too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            return Answer(outputs=flatten(call_torch(case, args, kwargs)))
    except Exception as error:  # noqa: BLE001 - whatever PyTorch raises is the expected answer
        return Answer(error=describe(error))


def shares(output: torch.Tensor, tensors: list[torch.Tensor]) -> bool:
    """Whether an output lives in an input's storage. Compared by storage object: empty tensors all have address 0."""
    storage = output.untyped_storage()._cdata
    return any(storage == one.untyped_storage()._cdata for one in tensors)


@dataclass
class Gradients:
    """grad_outputs (None where an output takes none) and gradients (None where PyTorch gives none)."""

    grad_outputs: list
    grads: list
    grad_fns: list
    error: dict | None = None


def grad_output(case_id: str, k: int, output: torch.Tensor) -> torch.Tensor:
    """Seeded and non-uniform: a gradient of ones hides transposed, summed and misplaced gradients."""
    rng = build_inputs.generator(case_id, f"gout{k}")
    return build_inputs.draw("normal", output.numel(), output.dtype, rng).reshape(output.shape)


def gradients(case: dict) -> Gradients:
    """Vector-Jacobian products of a case. In-place variants run on clones, for a leaf cannot be changed in place."""
    made, args, kwargs = build_inputs.build(case)
    if case.get("variant") == "inplace" and args and isinstance(args[0], torch.Tensor):
        args[0] = args[0].clone()
    answer = ask(case, args, kwargs)
    leaves = [one for one in made.tensors if one.requires_grad]
    if answer.error:
        return Gradients([], [], [], answer.error)
    outputs = [one if isinstance(one, torch.Tensor) else None for one in answer.outputs]
    takes = [one is not None and one.requires_grad for one in outputs]
    fns = [one.grad_fn.name().rsplit("::", 1)[-1] if one is not None and one.grad_fn else None for one in outputs]
    gouts = [grad_output(case["id"], k, one) if take else None for k, (one, take) in enumerate(zip(outputs, takes))]
    if not leaves or not any(takes):
        return Gradients(gouts, [None] * len(made.tensors), fns)
    try:
        found = torch.autograd.grad(
            [one for one, take in zip(outputs, takes) if take], leaves, [one for one in gouts if one is not None],
            allow_unused=True,
        )
    except Exception as error:  # noqa: BLE001
        return Gradients(gouts, [None] * len(made.tensors), fns, describe(error))
    by_leaf = iter(found)
    return Gradients(gouts, [next(by_leaf) if one.requires_grad else None for one in made.tensors], fns)


def numpy_dtype(dtype: torch.dtype):
    return getattr(np, "bool_" if dtype == torch.bool else build_inputs.dtype_name(dtype))


def to_numpy(value):
    """An argument in NumPy's terms; tensors become arrays with the same strides."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, torch.dtype):
        return numpy_dtype(value)
    if isinstance(value, (list, tuple)):
        # A list of numbers is an axis tuple or a shape in NumPy, which refuses lists there.
        return tuple(to_numpy(one) for one in value) if not any(isinstance(one, torch.Tensor) for one in value) else [
            to_numpy(one) for one in value
        ]
    return value


def numpy_arguments(case: dict, args: list, kwargs: dict) -> tuple[list, dict]:
    """The call in NumPy's terms. Positional options go by PyTorch's parameter names, for NumPy orders them differently."""
    params = case.get("params") or []
    positional, named = [], {}
    for k, value in enumerate(args):
        name = params[k] if k < len(params) else None
        if k > 0 and name in NUMPY_NAMES:
            named[name] = value
        else:
            positional.append(to_numpy(value))
    translated = {}
    for name, value in {**named, **kwargs}.items():
        target = NUMPY_NAMES.get(name, name)
        if target is None and value:
            raise TypeError(f"NumPy has no {name}")
        if target is not None and value is not None:
            translated[target] = to_numpy(value)
    return positional, translated


def call_numpy(case: dict, args: list, kwargs: dict) -> list:
    """NumPy's answer, as arrays. Where it has no such keyword, the options go in PyTorch's order: a misreading shows as a disagreement."""
    call = resolve(case["numpy"])
    positional, named = numpy_arguments(case, args, kwargs)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = call(*positional, **named)
        except TypeError:
            if kwargs:
                raise
            result = call(*[to_numpy(one) for one in args])
        return [np.asarray(one) for one in flatten(result)]


# Agreement of two good implementations, as (rtol, atol of the largest value): well above either's error, well below any mistake.
AGREEMENT = {"float16": (4e-3, 1e-3), "float32": (3e-5, 3e-6), "complex64": (3e-5, 3e-6)}
TIGHT = (1e-9, 1e-10)


def disagreement(theirs: np.ndarray, output: torch.Tensor) -> str | None:
    """Why NumPy's answer is not PyTorch's, or None. Compared at the coarser of the two precisions."""
    ours = build_inputs.to_array(output)
    if ours.shape == () and theirs.shape == (1,):
        theirs = theirs.reshape(())  # NumPy's scans make one dimension of none
    if theirs.shape != ours.shape:
        return f"NumPy's shape {list(theirs.shape)}, PyTorch's {list(ours.shape)}"
    if theirs.size == 0:
        return None
    floating = ours.dtype.kind in "fc" or theirs.dtype.kind in "fc"
    if not floating:
        return None if np.array_equal(theirs.astype(np.int64), ours.astype(np.int64)) else "whole numbers differ"
    rtol, atol = max(AGREEMENT.get(str(ours.dtype), TIGHT), AGREEMENT.get(str(theirs.dtype), TIGHT))
    wide = np.complex128 if "c" in (ours.dtype.kind, theirs.dtype.kind) else np.float64
    left, right = theirs.astype(wide), ours.astype(wide)
    finite = np.abs(right[np.isfinite(right)])
    scale = finite.max() if finite.size else 1.0
    with np.errstate(all="ignore"):
        same = np.isclose(left, right, rtol=rtol, atol=atol * max(scale, 1e-30), equal_nan=True)
    if same.all():
        return None
    worst = int(np.argmin(same))
    return f"{int((~same).sum())} of {same.size} differ, first at flat index {worst}: NumPy {left.flat[worst]}, PyTorch {right.flat[worst]}"
