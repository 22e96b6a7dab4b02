"""Records what PyTorch draws on the CPU: sequences of random calls from a seed, the bytes of each result, and the state after it.

write(FOLDER) makes FOLDER/streams.json, which test/engine/core/random.test.ts replays with the generator 'mt19937';
`make_random.py SEED COUNT` prints fresh sequences, for the same test where PyTorch is installed. Owns the calls and their arguments:
a step is a record that both sides read, and its inputs follow from it.
"""

import base64
import hashlib
import json
import pathlib
import random
import sys
import warnings

import torch
import torch.nn.functional as F

warnings.filterwarnings("ignore")
FLOATS = ["float32", "float64", "float16", "bfloat16"]
INTS = ["int64", "int32", "int16", "int8", "uint8", "bool"]
COMPLEX = ["complex64", "complex128"]
LAYOUTS = ["contiguous", "transposed", "strided", "permuted"]


def dtype_of(step: dict) -> torch.dtype:
    return getattr(torch, step["dtype"])


def laid_out(shape: list, layout: str, dtype: torch.dtype) -> torch.Tensor:
    """Elements k of the base storage are (37 k mod 101 − 50) / 16; every layout shows `shape`."""
    base = list(shape)
    if layout == "transposed":
        base = base[::-1]
    elif layout == "strided":
        base[-1] *= 2
    elif layout == "permuted":
        base = base[1:] + base[:1]
    n = 1
    for size in base:
        n *= size
    x = ((torch.arange(n) * 37 % 101 - 50) / 16).to(dtype).reshape(base)
    if layout == "transposed":
        return x.permute(*range(x.dim() - 1, -1, -1))
    if layout == "strided":
        return x[..., ::2]
    return x.permute(x.dim() - 1, *range(x.dim() - 1)) if layout == "permuted" else x


def like(step: dict) -> torch.Tensor:
    return laid_out(step["size"], step["layout"], dtype_of(step))


def weights(shape: list, dtype: torch.dtype) -> torch.Tensor:
    n = 1
    for size in shape:
        n *= size
    return ((torch.arange(n) * 37 % 101 + 1) / 128).to(dtype).reshape(shape)


def factory(function):
    return lambda s: function(s["size"], dtype=dtype_of(s))


def fill(name: str):
    return lambda s: getattr(like(s), name)(*s["params"])


CALLS = {
    "rand": factory(torch.rand),
    "randn": factory(torch.randn),
    "randint": lambda s: torch.randint(*s["params"], s["size"], dtype=dtype_of(s)),
    "randperm": lambda s: torch.randperm(*s["params"], dtype=dtype_of(s)),
    "normal": lambda s: torch.normal(*s["params"], s["size"], dtype=dtype_of(s)),
    "randLike": lambda s: torch.rand_like(like(s)),
    "randnLike": lambda s: torch.randn_like(like(s)),
    "randintLike": lambda s: torch.randint_like(like(s), *s["params"]),
    "uniform_": fill("uniform_"),
    "normal_": fill("normal_"),
    "cauchy_": fill("cauchy_"),
    "logNormal_": fill("log_normal_"),
    "exponential_": fill("exponential_"),
    "geometric_": fill("geometric_"),
    "bernoulli_": fill("bernoulli_"),
    "bernoulli": lambda s: torch.bernoulli(weights(s["size"], dtype_of(s))),
    "bernoulliP": lambda s: torch.bernoulli(like(s), *s["params"]),
    "normalByMean": lambda s: torch.normal(like(s), *s["params"]),
    "normalByStd": lambda s: torch.normal(*s["params"], weights(s["size"], dtype_of(s))),
    "normalByBoth": lambda s: torch.normal(like(s), weights(s["size"], dtype_of(s))),
    "multinomial": lambda s: torch.multinomial(weights(s["size"], dtype_of(s)), *s["params"]),
    "dropout": lambda s: F.dropout(like(s), *s["params"]),
    "dropout1d": lambda s: F.dropout1d(like(s), *s["params"]),
    "dropout2d": lambda s: F.dropout2d(like(s), *s["params"]),
    "dropout3d": lambda s: F.dropout3d(like(s), *s["params"]),
    "alphaDropout": lambda s: F.alpha_dropout(like(s), *s["params"], training=True),
    "featureAlphaDropout": lambda s: F.feature_alpha_dropout(like(s), *s["params"], training=True),
    "rrelu": lambda s: F.rrelu(like(s), *s["params"], training=True),
    "fractionalMaxPool2d": lambda s: F.fractional_max_pool2d(like(s), 2, output_size=s["params"]),
}


class Maker:
    """Draws sequences of steps from a seed of its own."""

    def __init__(self, seed: int):
        self.r = random.Random(seed)

    def length(self) -> int:
        return self.r.choice([0, 1, 2, 15, 16, 17, 31, 32, 33, 1000]) if self.r.random() < 0.3 else self.r.randint(1, 40)

    def size(self, most: int = 3) -> list:
        dims = self.r.randint(0, most)
        if dims == 0:
            return []
        return [self.length()] if dims == 1 else [self.r.randint(1, 6) for _ in range(dims)]

    def like(self, dtypes: list, dims: int | None = None) -> dict:
        size = self.size() if dims is None else [self.r.randint(1, 5) for _ in range(dims)]
        layout = self.r.choice(LAYOUTS) if len(size) > 0 else "contiguous"
        return {"size": size, "layout": layout, "dtype": self.r.choice(dtypes)}

    def params(self, name: str, dtype: str) -> list:
        r = self.r
        if name in ("uniform_", "normal_", "normal", "logNormal_", "cauchy_"):
            low = round(r.uniform(-2, 2), 3)
            return [low, round(low + r.uniform(0.1, 3), 3)] if name == "uniform_" else [low, round(r.uniform(0.1, 3), 3)]
        if name == "exponential_":
            return [round(r.uniform(0.1, 3), 3)]
        if name in ("normalByMean", "normalByStd"):
            return [round(r.uniform(0.1, 3), 3)]
        if name in ("randint", "randintLike"):
            most = {"bool": 1, "uint8": 255, "int8": 127, "int16": 2**15 - 1, "int32": 2**31 - 1, "float16": 2**11, "bfloat16": 2**8, "float32": 2**24}
            top = most.get(dtype, 2**50)
            low = r.choice([0, 0, -5]) if dtype not in ("bool", "uint8") else 0
            # Beyond what a float counts without gaps, PyTorch moves the bounds.
            far = {"float16": [3001, 60001], "bfloat16": [999, 70001], "float32": [2**25 + 3, 2**40 + 3]}.get(dtype, [])
            return [-r.choice(far) if far and low < 0 else low, r.choice([1, min(10, top), max(top // 3, 1), top] + far)]
        if name in ("rrelu",):
            return [0.125, r.choice([0.5, 0.3])]
        return [round(r.uniform(0.05, 0.95), 3)]

    def step(self) -> dict:
        r = self.r
        op = r.choice(list(CALLS))
        if op in ("rand", "randn", "normal"):
            s = {"size": self.size(), "dtype": r.choice(FLOATS + (COMPLEX if op != "normal" else []))}
        elif op in ("randint",):
            s = {"size": self.size(), "dtype": r.choice(FLOATS + INTS)}
        elif op == "randperm":
            s = {"dtype": r.choice(["int64", "int32", "float32", "float64"]), "params": [self.length()]}
        elif op in ("randLike", "randnLike", "uniform_", "normal_"):
            s = self.like(FLOATS + COMPLEX)
        elif op in ("randintLike", "bernoulli_"):
            s = self.like(FLOATS + INTS)
        elif op == "geometric_":
            s = self.like(FLOATS + ["int64", "int32"])
        elif op in ("bernoulli", "normalByStd"):
            s = {"size": self.size(), "dtype": r.choice(FLOATS)}
        elif op == "multinomial":
            size = [r.randint(1, 20)] if r.random() < 0.5 else [r.randint(1, 4), r.randint(1, 20)]
            replacement = r.random() < 0.5
            # Without replacement a 16-bit float has ties, which PyTorch's topk orders by no rule.
            dtypes = FLOATS if replacement else FLOATS[:2]
            draws = r.randint(1, 25 if replacement else size[-1])
            s = {"size": size, "dtype": r.choice(dtypes), "params": [draws, replacement]}
        elif op in ("dropout1d", "dropout2d", "dropout3d"):
            s = self.like(FLOATS, 3 if op == "dropout1d" else 4 if op == "dropout2d" else 5)
        elif op == "featureAlphaDropout":
            s = self.like(FLOATS, r.randint(2, 4))
        elif op == "fractionalMaxPool2d":
            s = {"size": [r.randint(1, 3), r.randint(1, 3), 6, 7], "layout": "contiguous", "dtype": r.choice(FLOATS[:2]), "params": [3, 2]}
        elif op == "rrelu":
            s = self.like(["float32", "float64", "bfloat16"])
        else:
            s = self.like(FLOATS)
        if op not in ("rand", "randn", "randLike", "randnLike", "bernoulli", "normalByBoth"):
            s.setdefault("params", self.params(op, s["dtype"]))
        return {"op": op, **s}

    def sequence(self, steps: int) -> dict:
        seed = self.r.choice([0, 1, 42, 2**31 - 1, 2**32 + 5, 2**53 - 1, self.r.randint(0, 2**53 - 1)])
        return {"seed": seed, "steps": [self.step() for _ in range(steps)]}


def digest(raw: bytes) -> str:
    """The bytes themselves where they are few."""
    return base64.b64encode(raw).decode() if len(raw) <= 48 else "sha256:" + hashlib.sha256(raw).hexdigest()


def bytes_of(x: torch.Tensor) -> bytes:
    """In row-major order, whatever the layout."""
    return torch.empty(x.numel(), dtype=x.dtype).copy_(x.detach().reshape(-1)).view(torch.uint8).numpy().tobytes()


def record(sequence: dict) -> dict:
    torch.manual_seed(sequence["seed"])
    steps = []
    for step in sequence["steps"]:
        out = CALLS[step["op"]](step)
        state = torch.get_rng_state().numpy().tobytes()
        got = {"shape": list(out.shape), "values": digest(bytes_of(out)), "state": digest(state)}
        steps.append({**step, **got})
    return {"seed": sequence["seed"], "steps": steps}


def sequences(seed: int, count: int, steps: int = 12) -> list:
    maker = Maker(seed)
    return [record(maker.sequence(steps)) for _ in range(count)]


def states() -> list:
    """States as PyTorch gives them: of a fresh seed, in the middle of a twist, and with a normal number that waits."""
    found = []
    for seed, words in [(0, 0), (7, 5), (-1, 623), (2**63, 624), (3, 1000)]:
        torch.manual_seed(seed)
        torch.empty(words, dtype=torch.int32).random_()
        if words % 2 == 1:
            torch.randn(1)
        state = torch.get_rng_state()
        after = torch.randn(3, dtype=torch.float64)
        found.append(
            {
                "seed": str(torch.initial_seed()),
                "state": base64.b64encode(state.numpy().tobytes()).decode(),
                "values": digest(bytes_of(after)),
            }
        )
    return found


def write(folder: str) -> None:
    """Writes FOLDER/streams.json: { torch, sequences: [{ seed, steps }], states: [{ seed, state, values }] }."""
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    found = {"torch": torch.__version__, "sequences": sequences(1, 60), "states": states()}
    text = json.dumps(found, separators=(",", ":")).replace('{"op"', '\n{"op"')
    (target / "streams.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(sequences(int(sys.argv[1]), int(sys.argv[2]))))
