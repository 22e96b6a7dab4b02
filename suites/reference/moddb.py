# Recording of PyTorch's module database: constructor arguments, state dict, forward, gradients, buffers and text of each sample.
"""usage: python moddb.py OUT.json [--only=MODULE,…] [--most=N] : every sample, or N a module, dtype and mode, of module_db in float32 and float64, in training and evaluation mode.

Values: numbers, strings, booleans, null and lists stand for themselves; {"float": x}, {"complex": [re, im]}, {"tuple": [...]}, {"dict": {...}},
{"dtype": name}, {"tensor": [dtype, shape, base64], "grad": bool, "id": k}, {"packed": [data, batch_sizes, sorted, unsorted]}, {"function": name},
{"module": [class, [args], {kwargs}]}, {"options": {...}}.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import math
import sys
import warnings

import torch
from torch.nn.utils.rnn import PackedSequence
from torch.testing._internal.common_modules import module_db

# Results of one thread do not depend on how the work was cut.
torch.set_num_threads(1)
warnings.simplefilter("ignore")
made: dict[int, tuple] = {}
known: dict[int, tuple] = {}


def remember_layers() -> None:
    """Modules that are arguments are written as the call that made them."""
    for cls in (torch.nn.TransformerEncoderLayer,):
        original = cls.__init__

        def init(self, *args, _original=original, **kwargs):
            made[id(self)] = (type(self).__name__, args, kwargs, self)
            _original(self, *args, **kwargs)

        cls.__init__ = init


def array(x: torch.Tensor):
    flat = x.detach().contiguous()
    raw = flat.view(torch.uint8) if flat.dim() > 0 else flat.reshape(1).view(torch.uint8)
    return [str(x.dtype).removeprefix("torch."), list(x.shape), base64.b64encode(raw.numpy().tobytes()).decode()]


def identity(x: torch.Tensor) -> int:
    """The same number for the same object: a leaf that is two arguments gets one gradient."""
    if id(x) not in known:
        known[id(x)] = (len(known), x)
    return known[id(x)][0]


def encode(value):
    if isinstance(value, torch.Tensor):
        return {"tensor": array(value), "grad": value.requires_grad, "id": identity(value)}
    if isinstance(value, PackedSequence):
        return {"packed": [encode(one) for one in value]}
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float):
        return {"float": str(value) if not math.isfinite(value) else value}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, list):
        return [encode(one) for one in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(one) for one in value]}
    if isinstance(value, dict):
        return {"dict": {key: encode(one) for key, one in value.items()}}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, (torch.device,)):
        return None
    if isinstance(value, torch.nn.Module) and id(value) in made:
        name, args, kwargs, _ = made[id(value)]
        return {"module": [name, [encode(one) for one in args], {k: encode(v) for k, v in kwargs.items() if k != "device"}]}
    if dataclasses.is_dataclass(value):
        return {"options": {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}}
    if callable(value):
        return {"function": value.__name__}
    raise TypeError(f"cannot write {type(value)}")


def call(spec):
    kwargs = {key: encode(one) for key, one in spec.kwargs.items() if key != "device"}
    return {"args": [encode(one) for one in spec.args], "kwargs": kwargs}


def tensors_of(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, PackedSequence):
        return [value.data]
    if isinstance(value, (tuple, list)):
        return [one for part in value for one in tensors_of(part)]
    if isinstance(value, dict):
        return [one for part in value.values() for one in tensors_of(part)]
    return []


def doubled(value, seen):
    """The same arguments in float64; what is one object stays one."""
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            copied = value.detach().double() if value.is_floating_point() else value
            seen[id(value)] = copied.requires_grad_(value.requires_grad)
        return seen[id(value)]
    if isinstance(value, PackedSequence):
        return PackedSequence(doubled(value.data, seen), *value[1:])
    if isinstance(value, (tuple, list)):
        return type(value)(doubled(one, seen) for one in value)
    return value


def in_double(m, inputs, named, requires, outer):
    """What float32 results and gradients would be without rounding; None where the module takes no float64."""
    try:
        seen: dict[int, torch.Tensor] = {}
        inputs = tuple(doubled(one, seen) for one in inputs)
        named = {key: doubled(one, seen) for key, one in named.items()}
        results = tensors_of(m(*inputs, **named))
        leaves = [x for x in tensors_of(inputs) + tensors_of(named) if x.requires_grad]
        wanted = [r for r, needs in zip(results, requires) if needs]
        grads = []
        if outer:
            wrt = leaves + [p for p in m.parameters() if p.requires_grad]
            grads = torch.autograd.grad(wanted, wrt, [one.double() for one in outer], allow_unused=True)
        return {"output": [array(r) for r in results], "grads": [None if g is None else array(g) for g in grads]}
    except (RuntimeError, ValueError):
        return None


def record(info, sample, dtype, training, number):
    kwargs = dict(sample.constructor_input.kwargs)
    if info.module_cls is not torch.nn.TransformerEncoder and "dtype" in info.module_cls.__init__.__code__.co_varnames:
        kwargs.setdefault("dtype", dtype)
    constructor = {"args": [encode(one) for one in sample.constructor_input.args], "kwargs": {k: encode(v) for k, v in kwargs.items() if k != "device"}}
    torch.manual_seed(number)
    m = info.module_cls(*sample.constructor_input.args, **kwargs).to(dtype)
    m.train(training)
    text_before = repr(m)
    lazy = any(torch.nn.parameter.is_lazy(p) for p in list(m.parameters()) + list(m.buffers()))
    inputs, named = sample.forward_input.args, sample.forward_input.kwargs
    forward = call(sample.forward_input)
    if lazy:
        m(*copy.deepcopy(inputs), **copy.deepcopy(named))
    state = {key: array(one) for key, one in m.state_dict().items()}
    exact = copy.deepcopy(m).double() if dtype == torch.float32 else None
    before = torch.get_rng_state()
    output = m(*inputs, **named)
    results = tensors_of(output)
    grads = []
    leaves = [x for x in tensors_of(inputs) + tensors_of(named) if x.requires_grad]
    parameters = [p for p in m.parameters() if p.requires_grad]
    outer = [torch.randn_like(r) for r in results if r.requires_grad]
    if outer:
        grads = torch.autograd.grad([r for r in results if r.requires_grad], leaves + parameters, outer, allow_unused=True)
    truth = None
    if exact is not None:
        torch.set_rng_state(before)
        truth = in_double(exact, inputs, named, [r.requires_grad for r in results], outer)
    return {
        "module": info.module_cls.__name__,
        "dtype": str(dtype).removeprefix("torch."),
        "training": training,
        "desc": sample.desc,
        "constructor": constructor,
        "forward": forward,
        "lazy": lazy,
        "repr": text_before,
        "state": state,
        "output": [array(r) for r in results],
        "truth": truth,
        "requires": [r.requires_grad for r in results],
        "outer": [array(one) for one in outer],
        "grads": [None if g is None else array(g) for g in grads],
        "after": {key: array(one) for key, one in m.named_buffers()},
    }


def errors(info):
    found = []
    if info.module_error_inputs_func is None:
        return found
    for one in info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=False):
        spec = one.module_error_input
        kwargs = {k: encode(v) for k, v in spec.constructor_input.kwargs.items() if k != "device"}
        found.append({
            "module": info.module_cls.__name__,
            "constructor": {"args": [encode(x) for x in spec.constructor_input.args], "kwargs": kwargs},
            "forward": None if spec.forward_input is None else call(spec.forward_input),
            "on": one.error_on.name,
            "class": one.error_type.__name__,
            "regex": one.error_regex,
        })
    return found


def small(samples, most: int):
    """The first sample of each form, then others, up to `most`: a recording need not have them all."""
    forms, chosen, rest = set(), [], []
    for number, sample in enumerate(samples):
        form = repr(sample.constructor_input)[:200]
        (rest if form in forms else chosen).append((number, sample))
        forms.add(form)
    return sorted((chosen + rest)[:most], key=lambda one: one[0])


def main(out: str, only: list[str], most: int) -> None:
    remember_layers()
    cases, mistakes = [], []
    for info in module_db:
        name = info.module_cls.__name__
        if only and name not in only:
            continue
        for dtype in (torch.float32, torch.float64):
            if dtype not in info.dtypes:
                continue
            for training in (True, False):
                torch.manual_seed(0)
                samples = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)
                for number, sample in small(samples, most):
                    try:
                        cases.append(record(info, sample, dtype, training, number))
                    except Exception as error:
                        print(f"{name} {dtype} {sample.desc}: {type(error).__name__}: {error}", file=sys.stderr)
        mistakes += errors(info)
    with open(out, "w") as file:
        json.dump({"torch": torch.__version__, "entries": len(module_db), "cases": cases, "errors": mistakes}, file)


if __name__ == "__main__":
    options = dict(one[2:].split("=") for one in sys.argv[2:])
    main(sys.argv[1], [one for one in options.get("only", "").split(",") if one], int(options.get("most", "1000000")))
