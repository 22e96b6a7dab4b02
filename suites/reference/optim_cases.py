# Trajectories of PyTorch's optimizers on a fixed problem, and the errors that they raise. Owns the problem: parameters, gradients, loss.
"""The problem has three parameters, [3, 4], [0, 3] and [2, 2]; the last never has a gradient. Parameters and gradients are multiples of 1/8
that test/engine/optim/problem.ts computes too, so that only what the optimizer does is recorded."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import torch
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

STEPS = 20
RELOAD = 10
SHAPES = [[3, 4], [0, 3], [2, 2]]
VECTORS = [[7], [0], [4]]
WITH_GRAD = 2
# Adafactor divides by the number of elements.
SOME = {"Adafactor": lambda shapes: [[max(n, 1) for n in shape] for shape in shapes]}
COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}


def grid(n: int, a: int, b: int, modulus: int, scale: int) -> torch.Tensor:
    return ((torch.arange(n, dtype=torch.float64) * a + b) % modulus - modulus // 2) / scale


def filled(shape: list[int], dtype: torch.dtype, a: int, b: int, modulus: int, scale: int) -> torch.Tensor:
    n = int(np.prod(shape))
    if not dtype.is_complex:
        return grid(n, a, b, modulus, scale).to(dtype).reshape(shape)
    return torch.view_as_complex(grid(2 * n, a, b, modulus, scale).reshape(-1, 2)).to(dtype).reshape(shape)


def parameters(shapes, dtype) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(filled(s, dtype, 5, 3 * k, 11, 4)) for k, s in enumerate(shapes)]


def set_gradients(params, step: int) -> None:
    for k, p in enumerate(params[:WITH_GRAD]):
        p.grad = filled(list(p.shape), p.dtype, 7, 13 * step + 5 * k, 17, 8)


def loss_of(params) -> torch.Tensor:
    """A quartic bowl, for optimizers that evaluate the loss."""
    total = 0
    for k, p in enumerate(params[:WITH_GRAD]):
        real = torch.view_as_real(p) if p.is_complex() else p
        flat = real.reshape(-1)
        n = flat.numel()
        weight = (torch.arange(n, dtype=flat.dtype) % 3 + 1) / 2
        off = flat - grid(n, 3, k, 7, 4).to(flat.dtype)
        total = total + (off * off * weight).sum() + (off * off * off * off).sum() / 8
    return total


def flat(value) -> list[float]:
    if isinstance(value, torch.Tensor):
        value = torch.view_as_real(value.detach()) if value.is_complex() else value.detach()
        return value.double().reshape(-1).tolist()
    return [float(value)]


def state_layout(optimizer, params) -> list:
    """[parameter, name, shape] of every tensor of the state."""
    return [
        [k, name, list(value.shape)]
        for k, p in enumerate(params)
        for name, value in optimizer.state.get(p, {}).items()
    ]


def row(optimizer, params, layout) -> list[float]:
    values = [x for p in params for x in flat(p)]
    return values + [x for k, name, *_ in layout for x in flat(optimizer.state[params[k]][name])]


def encode(value):
    """Hyperparameters as JSON: tensors as {"tensor": numbers, "dtype": name}."""
    if isinstance(value, torch.Tensor):
        return {"tensor": value.tolist(), "dtype": str(value.dtype).removeprefix("torch.")}
    if isinstance(value, (list, tuple)):
        return [encode(one) for one in value]
    if isinstance(value, dict):
        return {key: encode(one) for key, one in value.items()}
    return value


def copied(kwargs: dict) -> dict:
    return {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in kwargs.items()}


def groups_of(params, form: str) -> list:
    if form == "two groups":
        return [{"params": params[:1], "lr": 0.02}, {"params": params[1:]}]
    if form == "named":
        return [(f"p{k}", p) for k, p in enumerate(params)]
    return params


def trajectory(cls, kwargs: dict, dtype: torch.dtype, shapes, form: str) -> tuple[dict, dict[str, np.ndarray]]:
    shapes = SOME.get(cls.__name__, lambda same: same)(shapes)
    params = parameters(shapes, dtype)
    optimizer = cls(groups_of(params, form), **copied(kwargs))
    record = {"optimizer": cls.__name__, "kwargs": encode(kwargs), "shapes": shapes, "form": form}
    record["repr"] = repr(optimizer)
    rows, losses = [], []
    closed = cls is torch.optim.LBFGS
    layout = None
    for step in range(STEPS):
        if closed:
            losses.append(closed_step(optimizer, params))
            state = optimizer.state[params[0]]
            rows.append(row(optimizer, params, []) + [float(state["func_evals"]), float(state["n_iter"])])
        else:
            set_gradients(params, step)
            optimizer.step()
            layout = layout or state_layout(optimizer, params)
            rows.append(row(optimizer, params, layout))
        if step == RELOAD - 1:
            saved = copy.deepcopy(optimizer.state_dict()), [p.detach().clone() for p in params]
            record["groups"] = encode(optimizer.state_dict()["param_groups"])
            if closed:
                record["state"] = encode(optimizer.state_dict()["state"][0])
    stored = np.float32 if dtype in (torch.float32, torch.complex64) else np.float64
    arrays = {"": np.array(rows, dtype=stored)}
    if losses:
        record["losses"] = losses
    else:
        record["layout"] = layout
        resumed = np.array(rows[:RELOAD] + resume(cls, kwargs, form, *saved, layout), dtype=stored)
        # Loading casts scalars of the state to the parameter's dtype.
        if not np.array_equal(resumed, arrays[""]):
            arrays["-resumed"] = resumed
    return record, arrays


def resume(cls, kwargs: dict, form: str, state: dict, values: list, layout) -> list:
    params = [torch.nn.Parameter(v) for v in values]
    optimizer = cls(groups_of(params, form), **copied(kwargs))
    optimizer.load_state_dict(state)
    rows = []
    for step in range(RELOAD, STEPS):
        set_gradients(params, step)
        optimizer.step()
        rows.append(row(optimizer, params, layout))
    return rows


def closed_step(optimizer, params) -> float:
    def closure():
        optimizer.zero_grad()
        loss = loss_of(params)
        loss.backward()
        return loss

    return optimizer.step(closure).item()


def extra_configurations(info):
    """[kwargs, shapes, form, complex] beyond the database's."""
    cls = info.optim_cls
    if cls is torch.optim.LBFGS:
        return [({}, SHAPES, "plain", True), ({"line_search_fn": "strong_wolfe"}, SHAPES, "plain", True)]
    found = [({}, SHAPES, "two groups", False)]
    if cls is torch.optim.Adam:
        found.append(({}, SHAPES, "named", False))
    if cls is torch.optim.Adafactor:
        found.append(({}, VECTORS, "plain", False))
    if "weight_decay" in cls.__init__.__code__.co_varnames:
        found.append(({"weight_decay": 0.1}, SHAPES, "plain", False))
    found.append(({"lr": torch.tensor(0.01)}, SHAPES, "plain", False))
    if info.supports_complex and cls is not torch.optim.Muon:
        found.append(({}, SHAPES, "plain", True))
        if cls is not torch.optim.Rprop:
            found.append(({"weight_decay": 0.1, "maximize": True}, SHAPES, "plain", True))
    if cls is torch.optim.RMSprop:
        found.append(({"weight_decay": 0.1, "centered": True, "momentum": 0.1}, SHAPES, "plain", True))
    if cls in (torch.optim.Adam, torch.optim.AdamW):
        found.append(({"amsgrad": True, "weight_decay": 0.1}, SHAPES, "plain", True))
        found.append(({"betas": (0.3, 0.6)}, SHAPES, "plain", False))
    if cls is torch.optim.ASGD:
        found.append(({"t0": 3, "lambd": 0.1}, SHAPES, "plain", False))
    if cls is torch.optim.SGD:
        found.append(({"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, SHAPES, "plain", True))
        found.append(({"momentum": 0.9, "dampening": 0.25}, SHAPES, "two groups", False))
    return found


def trajectories() -> tuple[list[dict], dict[str, np.ndarray]]:
    """Records, and arrays by the number of the record and single or double precision; what is no number comes from single precision."""
    records, arrays = [], {}

    def add(cls, kwargs, shapes, form, is_complex, source):
        key = f"{len(records):03d}"
        for precision, dtype in (("double", torch.float64), ("single", torch.float32)):
            record, found = trajectory(cls, kwargs, COMPLEX[dtype] if is_complex else dtype, shapes, form)
            arrays.update({f"{key}-{precision}{kind}": array for kind, array in found.items()})
        records.append({"id": key, "source": source, "complex": is_complex, **record})

    for info in optim_db:
        if info.optim_cls is torch.optim.SparseAdam:
            continue
        for one in info.optim_inputs_func(device="cpu"):
            add(info.optim_cls, one.kwargs, SHAPES, "plain", False, "optim_db")
        for kwargs, shapes, form, is_complex in extra_configurations(info):
            add(info.optim_cls, kwargs, shapes, form, is_complex, "extra")
    return records, arrays


def differentiable() -> list[dict]:
    """Gradients through a third, differentiable step: by the parameter's first values and by that step's gradient."""
    found = []
    for info in optim_db:
        if "differentiable" not in info.supported_impls:
            continue
        for kwargs in ({}, {"maximize": True}):
            warm = filled([5], torch.float64, 5, 1, 11, 4).requires_grad_()
            grads = [filled([5], torch.float64, 7, 13 * step + 2, 17, 8) + 0.0625 for step in range(3)]
            before = info.optim_cls([warm], **kwargs)
            for grad in grads[:2]:
                warm.grad = grad
                before.step()
            start, grad = warm.detach().clone().requires_grad_(), grads[2].requires_grad_()
            p = start.clone()
            p.grad = grad
            optimizer = info.optim_cls([p], **kwargs, differentiable=True)
            optimizer.state[p] = {key: value.clone() for key, value in before.state[warm].items()}
            optimizer.step()
            (p * torch.arange(1, 6)).sum().backward()
            gradients = [[0.0] * 5 if t.grad is None else t.grad.tolist() for t in (start, grad)]
            found.append({"optimizer": info.optim_cls.__name__, "kwargs": kwargs, "result": p.tolist(), "gradients": gradients})
    return found


def errors() -> list[dict]:
    return [one for info in optim_db if info.name != "SparseAdam" for one in errors_of(info)]


def errors_of(info):
    for one in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
        given = one.optimizer_error_input
        seen: list[torch.Tensor] = []
        default = torch.nn.Parameter(torch.ones(2, 2))
        params = [default] if given.params is None else given.params
        record = {"optimizer": info.name, "desc": given.desc, "params": shape_of(params, seen), "kwargs": encode(given.kwargs)}
        record["tensors"] = [{"shape": list(t.shape), "dtype": str(t.dtype).removeprefix("torch.")} for t in seen]
        record["on"] = "construction" if one.error_on is OptimizerErrorEnum.CONSTRUCTION_ERROR else "step"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                optimizer = info.optim_cls(params, **given.kwargs)
                for t in seen:
                    t.grad = torch.ones_like(t)
                if record["on"] == "step":
                    optimizer.step()
            except Exception as error:  # noqa: BLE001 (whatever it raises is what is recorded)
                yield {**record, "class": type(error).__name__, "text": str(error)}
                continue
        if not caught:
            raise AssertionError(f"{info.name}: {given.desc} raised nothing")
        yield {**record, "class": caught[0].category.__name__, "text": str(caught[0].message)}


def shape_of(value, seen: list):
    """Parameters as they are nested, tensors as numbers."""
    if isinstance(value, torch.Tensor):
        if not any(value is one for one in seen):
            seen.append(value)
        return next(i for i, one in enumerate(seen) if one is value)
    if isinstance(value, (list, tuple)):
        return [shape_of(one, seen) for one in value]
    if isinstance(value, dict):
        return {"group": {k: shape_of(v, seen) if k == "params" else encode(v) for k, v in value.items()}}
    return value
