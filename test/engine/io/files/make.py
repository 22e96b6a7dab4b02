"""Makes the files beside it with the libraries whose formats they are: safetensors 0.8.0 and torch 2.13.0.

    python make.py
"""
import os
from collections import Counter, OrderedDict

import numpy as np
import torch
from safetensors.torch import save_file

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(0)
base = torch.arange(-3, 3).reshape(2, 3)
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
tensors = {name: (base.abs() % 2 if name == "bool" else base * 21).to(getattr(torch, name)) for name in DTYPES}
tensors["complex64"] = torch.complex(base.float(), base.float() * 0.25)
tensors |= {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "é\u2028\"\\\n": torch.ones(1), "\uffff": torch.ones(1)}
tensors |= {"\U0001f600": torch.ones(1), "__proto__": torch.ones(1)}
save_file(tensors, "reference.safetensors", metadata={"format": "pt"})
save_file({}, "empty.safetensors")
save_file(
    {"f32": torch.ones(2), "u16": torch.ones(2, dtype=torch.uint16), "f8": torch.ones(3).to(torch.float8_e4m3fn)},
    "lacking.safetensors",
)

x = torch.arange(6, dtype=torch.float32)
values = {
    "x": x,
    "view": x.view(2, 3).t()[1:],
    "expanded": torch.ones(1).expand(3),
    "tensors": {name: one for name, one in tensors.items() if name in DTYPES},
    "complex64": tensors["complex64"],
    "complex128": tensors["complex64"].to(torch.complex128),
    "conj": torch.tensor([1 + 2j]).conj(),
    "neg": torch.tensor([1 + 2j]).conj().imag,
    "empty": torch.zeros(0, 3),
    "scalar": torch.tensor(2.5),
    "leaf": torch.ones(1, requires_grad=True),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "buffer": torch.nn.Parameter(torch.arange(2.0), requires_grad=False),
    "meta": torch.zeros(2, 3, device="meta"),
    "numbers": [0, 1, -1, 255, 256, 65536, 2**31, -(2**31), 2**53 - 1, 2**53, -(2**70), 1.5, -0.0, 1e300, True, None],
    "text": "é\U0001f600",
    "tuple": (1, (2,), ()),
    "mixed": {1: "a", (1, 2): "b", "c": None},
    "ordered": OrderedDict(b=1, a=2),
    "counter": Counter("aab"),
    "set": {1, 2},
    "bytes": b"ab\xff",
    "bytearray": bytearray(b"ab\xff"),
    "complex": 1 - 2j,
    "dtype": torch.bfloat16,
    "device": torch.device("cuda", 1),
    "size": torch.Size([2, 3]),
    "__proto__": {"polluted": True},
}
values["again"] = values["numbers"]
torch.save(values, "reference.pt")
torch.save(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).state_dict(), "state-dict.pt")
torch.save({"u16": torch.ones(2, dtype=torch.uint16)}, "lacking.pt")
torch.save({"net": torch.nn.Linear(1, 1)}, "module.pt")
torch.save({"x": torch.eye(2).to_sparse()}, "sparse.pt")
torch.save({"x": np.float32(1)}, "numpy.pt")
torch.save({"x": torch.ones(2)}, "legacy.pt", _use_new_zipfile_serialization=False)
torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), "script.pt")
torch.serialization.set_crc32_options(False)
torch.save({"x": torch.ones(2)}, "no-sums.pt")
