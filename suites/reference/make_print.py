"""Records how PyTorch prints tensors: write(folder) makes folder/print.json, which test/print.test.ts replays.

Owns the cases of printing. The numbers are written out or come from Python's own seeded generator, so that the
file does not depend on the machine.
"""

import json
import math
import pathlib
import random
import sys

import torch

INF, NAN = math.inf, math.nan
SAFE = 2**53
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
INTS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
COMPLEX = [torch.complex64, torch.complex128]


class tensor(torch.Tensor):  # noqa: N801  (PyTorch prints a subclass's own name in front)
    """A tensor that says it lives on a GPU, to record where PyTorch puts the device without having one."""

    @property
    def device(self):
        return torch.device("cuda:0")


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def encode(value):
    """One value for JSON: floats by repr (JSON's own way), what JSON cannot carry as a string."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if type(value) is int and abs(value) > SAFE:
        return str(value)
    return value


def values_of(t: torch.Tensor) -> list:
    flat = t.detach().reshape(-1)
    if t.dtype.is_complex:
        flat = torch.view_as_real(flat).reshape(-1)
    return [encode(value) for value in flat.tolist()]


class Recorder:
    def __init__(self) -> None:
        self.cases: list[dict] = []

    def add(self, name: str, t: torch.Tensor, **options) -> None:
        torch.set_printoptions(profile="default")
        case = {"id": name, "dtype": name_of(t.dtype), "shape": list(t.shape), "values": values_of(t)}
        case["requiresGrad"] = t.requires_grad
        if t.grad_fn is not None:
            case["gradFn"] = type(t.grad_fn).__name__
        if isinstance(t, tensor):
            case["device"] = str(t.device)
        if options:
            case["options"] = {key: "inf" if value == INF else value for key, value in options.items()}
            torch.set_printoptions(**options)
        case["text"] = str(t)
        torch.set_printoptions(profile="default")
        self.cases.append(case)


def count_up(shape, dtype=torch.float32, scale=1.0, offset=0.0) -> torch.Tensor:
    n = math.prod(shape)
    return torch.tensor([i * scale + offset for i in range(n)], dtype=dtype).reshape(shape)


def normal(seed: str, shape, dtype=torch.float32, spread=1.0) -> torch.Tensor:
    rng = random.Random(seed)
    values = [round(rng.gauss(0, spread), 7) for _ in range(math.prod(shape))]
    return torch.tensor(values, dtype=torch.float64).to(dtype).reshape(shape)


def scalars(r: Recorder) -> None:
    for value in [0.0, -0.0, 1.0, -3.0, 3.14159265, 1e-5, 12345.678, 1e8, 1e9, 2.5e30, INF, -INF, NAN]:
        r.add(f"scalar/{value!r}", torch.tensor(value))
    r.add("scalar/int", torch.tensor(-42))
    r.add("scalar/true", torch.tensor(True))
    for dtype in [*FLOATS, *INTS, *COMPLEX, torch.bool]:
        r.add(f"scalar/7@{name_of(dtype)}", torch.tensor(7, dtype=dtype))
    r.add("scalar/complex", torch.tensor(1.5 - 2.25j))
    r.add("scalar/complex-nan", torch.tensor(complex(NAN, -0.0)))


def vectors(r: Recorder) -> None:
    r.add("vector/whole", torch.tensor([1.0, -2.0, 3.0]))
    r.add("vector/one-fraction", torch.tensor([1.0, -2.5, 1000.0]))
    r.add("vector/ratio-1000", torch.tensor([1.0, 1000.0, 0.5]))
    r.add("vector/ratio-above", torch.tensor([0.5, 500.5, 1000.0]))
    r.add("vector/ratio-whole", torch.tensor([1.0, 1001.0]))
    r.add("vector/max-1e8", torch.tensor([1e8, 2e7]))
    r.add("vector/above-1e8", torch.tensor([100000008.0, 2e7]))
    r.add("vector/min-1e-4", torch.tensor([1e-4, 2e-4], dtype=torch.float64))
    r.add("vector/float32-1e-4", torch.tensor([1e-4, 2e-4]))
    r.add("vector/below-1e-4", torch.tensor([9.9e-5, 2e-4]))
    r.add("vector/halves", torch.tensor([0.03125, 0.09375, -0.15625, 0.21875]))
    r.add("vector/halves-exponent", torch.tensor([1.00005e9, 102405.0, 102415.0, 100.0]))
    r.add("vector/three-digit-exponent", torch.tensor([1e-300, 1e100, -1e308, 5e-324], dtype=torch.float64))
    r.add("vector/max-float32", torch.tensor([3.4028234663852886e38, 1.401298464324817e-45]))
    r.add("vector/nan-inf-whole", torch.tensor([NAN, INF, -INF, 1.0, -10.0]))
    r.add("vector/nan-inf-fraction", torch.tensor([NAN, INF, -INF, 0.25]))
    r.add("vector/nan-inf-exponent", torch.tensor([NAN, INF, -INF, 1e-9]))
    r.add("vector/only-nonfinite", torch.tensor([NAN, INF, -INF]))
    r.add("vector/zeros", torch.tensor([0.0, -0.0]))
    r.add("vector/negative-zero-wide", torch.tensor([-0.0, 1.0, 0.0]))
    r.add("vector/negative-zero-fraction", torch.tensor([-0.0, 0.5]))
    r.add("vector/negative-zero-exponent", torch.tensor([-0.0, 1e-6]))
    r.add("vector/rounds-to-negative-zero", torch.tensor([-2e-4, 4e-5, -4e-5]) * 3)
    r.add("vector/fifty", count_up((50,)))
    r.add("vector/normal", normal("vector", (60,)))
    r.add("vector/tenths@float64", count_up((40,), torch.float64, 0.1))
    r.add("vector/one-element", torch.tensor([2.0]))
    r.add("vector/wide-suffix-wraps", normal("wide", (7,), torch.float64))


def integers(r: Recorder) -> None:
    limits = {d: torch.iinfo(d) for d in INTS}
    for dtype, info in limits.items():
        r.add(f"integers/limits@{name_of(dtype)}", torch.tensor([info.min, 0, info.max], dtype=dtype))
    r.add("integers/long-wrap", torch.tensor([(-1) ** i * i * i for i in range(70)]))
    r.add("integers/matrix", torch.tensor([[1, -200], [30, 4]]))
    r.add("integers/matrix@int8", torch.tensor([[1, -100], [30, 4]], dtype=torch.int8))
    r.add("integers/beyond-double", torch.tensor([[9007199254740993, -9007199254740993], [1, 2]]))
    r.add("bool/vector", torch.tensor([True, False, True]))
    r.add("bool/only-true", torch.tensor([True, True]))
    r.add("bool/matrix", torch.tensor([[i % 3 == j % 2 for j in range(14)] for i in range(3)]))


def matrices(r: Recorder) -> None:
    r.add("matrix/whole", count_up((3, 4)))
    r.add("matrix/normal", normal("matrix", (5, 6)))
    r.add("matrix/wide-wraps", normal("matrix-wide", (3, 13)))
    r.add("matrix/mixed", torch.tensor([[1.0, 1e-3], [NAN, -1234.5]]))
    r.add("matrix/column", count_up((4, 1), scale=0.5))
    r.add("cube/normal", normal("cube", (2, 3, 4)))
    r.add("cube/wraps@float64", normal("cube-wide", (2, 2, 11), torch.float64, 100.0))
    r.add("four/whole", count_up((2, 2, 2, 3)))
    r.add("four/int", torch.arange(24).reshape(2, 1, 3, 4))
    r.add("five/whole", count_up((1, 2, 1, 2, 2)))
    for dtype in FLOATS:
        r.add(f"matrix/thirds@{name_of(dtype)}", count_up((2, 3), dtype, 1 / 3, -0.5))
        r.add(f"matrix/exponent@{name_of(dtype)}", torch.tensor([[1e-5, 3.0], [60000.0, -7.5]], dtype=dtype))


def empties(r: Recorder) -> None:
    for dtype in [torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64, torch.int8]:
        r.add(f"empty/vector@{name_of(dtype)}", torch.empty(0, dtype=dtype))
    r.add("empty/0x3", torch.empty(0, 3))
    r.add("empty/2x0x4@int64", torch.empty(2, 0, 4, dtype=torch.int64))
    r.add("empty/grad", torch.empty(3, 0, requires_grad=True))


def summarised(r: Recorder) -> None:
    r.add("summary/1000-not", torch.tensor([i % 10 for i in range(1000)]))
    r.add("summary/vector", count_up((1001,)))
    r.add("summary/vector-fraction", count_up((1200,), scale=0.25))
    r.add("summary/hidden-extremes", torch.tensor([1e9 if i == 600 else i % 7 + 0.5 for i in range(1100)]))
    r.add("summary/matrix", count_up((40, 30)))
    r.add("summary/tall", torch.tensor([[i % 9, -i % 5] for i in range(600)]))
    r.add("summary/wide-rows", torch.tensor([[i % 9 + j for i in range(260)] for j in range(4)]))
    r.add("summary/short-rows", torch.tensor([[i % 9 + j for i in range(6)] for j in range(170)]))
    r.add("summary/cube", count_up((8, 9, 15), scale=0.5))
    r.add("summary/four", torch.tensor([i % 11 for i in range(8 * 2 * 7 * 10)]).reshape(8, 2, 7, 10))
    r.add("summary/bool", torch.tensor([i % 3 == 0 for i in range(1005)]))
    r.add("summary/complex", torch.complex(count_up((510, 2)), count_up((510, 2), scale=-0.5)))
    r.add("summary/grad", count_up((1002,)).requires_grad_())
    r.add("summary/exact-double-edge", torch.tensor([i % 4 for i in range(6 * 6 * 28)]).reshape(6, 6, 28))


def complexes(r: Recorder) -> None:
    r.add("complex/whole", torch.tensor([1 + 2j, -3 - 4j]))
    r.add("complex/fraction", torch.tensor([1.5 + 2j, -3 - 4.25j]))
    r.add("complex/parts-differ", torch.tensor([1 + 2e-6j, 2 + 3j]))
    r.add("complex/nonfinite", torch.tensor([complex(NAN, INF), complex(-INF, -0.0), complex(-0.0, NAN), 1.5j]))
    r.add("complex/wraps", torch.complex(normal("re", (12,)), normal("im", (12,), spread=30.0)))
    r.add("complex/matrix@complex128", torch.complex(count_up((3, 2), torch.float64), count_up((3, 2), torch.float64, -0.1)))
    r.add("complex/grad", torch.tensor([1j], requires_grad=True))


def graphs(r: Recorder) -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    w = normal("weights", (3, 3)).requires_grad_()
    r.add("grad/leaf", x)
    r.add("grad/leaf@float64", x.detach().double().requires_grad_())
    r.add("grad/add", x + 1)
    r.add("grad/mul", w * 2)
    r.add("grad/sum", x.sum())
    r.add("grad/mm", x.reshape(1, 3) @ x.reshape(3, 1))
    r.add("grad/neg@float64", x.double().neg())
    r.add("grad/view", w.t())
    r.add("grad/long-name-wraps", torch.nn.functional.pad(normal("pad", (2, 5)).requires_grad_(), (1, 0)))
    r.add("grad/seven", normal("seven", (7,)).requires_grad_() * 1)
    r.add("grad/sixty", count_up((60,)).requires_grad_() + 0)
    for length in range(20, 26):  # the suffix meets the end of the line
        r.add(f"grad/edge-{length}", torch.arange(float(length)).fmod(8).requires_grad_() + 0)
        r.add(f"grad/leaf-edge-{length}", torch.arange(float(length)).fmod(8).requires_grad_())


def devices(r: Recorder) -> None:
    r.add("device/vector", torch.tensor([1.0, 2.5]).as_subclass(tensor))
    r.add("device/dtype", torch.tensor([1, 2], dtype=torch.int32).as_subclass(tensor))
    r.add("device/matrix", normal("device", (2, 6)).double().as_subclass(tensor))
    r.add("device/empty", torch.empty(0, 2).as_subclass(tensor))
    r.add("device/grad", (torch.tensor([1.0, 2.0] * 8, requires_grad=True).as_subclass(tensor) * 2))


def options(r: Recorder) -> None:
    m = normal("options", (3, 4), spread=20.0)
    for precision in [0, 1, 2, 8, 12, 20]:
        r.add(f"options/precision-{precision}", m, precision=precision)
        r.add(f"options/precision-{precision}-exponent", m, precision=precision, sci_mode=True)
    r.add("options/precision-0-halves", torch.tensor([0.5, 1.5, 2.5, -3.5]), precision=0)
    r.add("options/precision-1-halves", torch.tensor([0.25, 0.75, 1.25, -0.125]), precision=1)
    r.add("options/sci-on-whole", torch.tensor([1.0, 20.0, NAN]), sci_mode=True)
    r.add("options/sci-on-zeros", torch.tensor([0.0, NAN]), sci_mode=True)
    r.add("options/sci-off", torch.tensor([1e-6, 1e6, 0.5]), sci_mode=False)
    r.add("options/sci-off-huge", torch.tensor([1e22, 2.5e30, -3e38]), sci_mode=False)
    r.add("options/sci-off-huge-fraction", torch.tensor([1e22, 2.5, -3e38]), sci_mode=False)
    r.add("options/sci-on-complex", torch.tensor([1 + 2.5j]), sci_mode=True)
    r.add("options/threshold-5", count_up((4, 9)), threshold=5)
    r.add("options/edge-1", count_up((4, 9)), threshold=5, edgeitems=1)
    r.add("options/edge-0-vector", count_up((9,)), threshold=5, edgeitems=0)
    r.add("options/edge-0-cube", count_up((2, 3, 4), torch.float64), threshold=5, edgeitems=0)
    r.add("options/edge-0-whole", count_up((3,)), edgeitems=0)
    r.add("options/edge-0-scalar", torch.tensor(3), threshold=0, edgeitems=0)
    r.add("options/edge-5-cube", count_up((3, 4, 12)), threshold=100, edgeitems=5)
    for width in [1, 20, 40, 120, 200]:
        r.add(f"options/linewidth-{width}", normal("line", (2, 14), torch.float64), linewidth=width)
    z = torch.complex(normal("re", (5,)), normal("im", (5,), spread=30.0))
    for width in range(38, 56):  # every way five complex numbers meet the end of the line
        r.add(f"options/complex-linewidth-{width}", z, linewidth=width)
    r.add("options/short", normal("short", (30, 40)), profile="short")
    r.add("options/short-precision", m, profile="short", precision=6)
    r.add("options/full", torch.tensor([i % 10 for i in range(1010)]), profile="full")
    r.add("options/threshold-inf", torch.tensor([i % 10 for i in range(1010)]), threshold=INF)


def drawn(r: Recorder) -> None:
    """Drawn cases: shapes, magnitudes and options nobody thought of."""
    rng = random.Random("torchstone/print")
    for k in range(60):
        dtype = rng.choice([*FLOATS, *INTS, *COMPLEX, torch.bool])
        shape = [rng.choice([1, 2, 3, 5, 7, 9]) for _ in range(rng.randrange(4))]
        t = draw(rng, shape, dtype)
        chosen = {}
        if rng.random() < 0.5:
            chosen = {"precision": rng.randrange(7), "threshold": rng.choice([0, 10, 50, 1000])}
            chosen |= {"edgeitems": rng.randrange(4), "linewidth": rng.choice([30, 60, 80, 100])}
            chosen |= {"sci_mode": rng.choice([None, None, True, False])}
        if (dtype.is_floating_point or dtype.is_complex) and rng.random() < 0.4:
            t = t.requires_grad_()
        r.add(f"drawn/{k}@{name_of(dtype)}", t, **chosen)


def draw(rng: random.Random, shape: list, dtype: torch.dtype) -> torch.Tensor:
    n = math.prod(shape)
    if dtype == torch.bool:
        return torch.tensor([rng.random() < 0.5 for _ in range(n)], dtype=dtype).reshape(shape)
    if not (dtype.is_floating_point or dtype.is_complex):
        info = torch.iinfo(dtype)
        top = rng.choice([9, 100, info.max])
        low = max(info.min, -top)
        return torch.tensor([rng.randint(low, min(top, info.max)) for _ in range(n)], dtype=dtype).reshape(shape)
    scale, places = rng.choice([1e-6, 1e-2, 1.0, 100.0, 1e7]), rng.choice([0, 1, 4, 12])
    special = [NAN, INF, -INF, 0.0, -0.0] if rng.random() < 0.4 else [0.0]

    def one() -> float:
        return rng.choice(special) if rng.random() < 0.15 else round(rng.gauss(0, 1) * scale, places)

    values = [complex(one(), one()) if dtype.is_complex else one() for _ in range(n)]
    return torch.tensor(values, dtype=torch.complex128 if dtype.is_complex else torch.float64).to(dtype).reshape(shape)


def write(folder: str) -> None:
    """Writes FOLDER/print.json: a list of {id, dtype, shape, values, requiresGrad, gradFn?, device?, options?, text}."""
    r = Recorder()
    for part in [scalars, vectors, integers, matrices, empties, summarised, complexes, graphs, devices, options, drawn]:
        part(r)
    ids = [case["id"] for case in r.cases]
    assert len(set(ids)) == len(ids), "case ids must be unique"
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(case, allow_nan=False, separators=(",", ":")) for case in r.cases)
    (target / "print.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1])
