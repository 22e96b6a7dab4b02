"""Makes the files beside it with the libraries whose formats they are: safetensors 0.8.0 and torch 2.13.0.

    python make.py
"""
import os

import torch
from safetensors.torch import save_file

os.chdir(os.path.dirname(os.path.abspath(__file__)))
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
