# Owns the tensors of one call: taking them down as storages with views, and building the call again from them.
# It must not call an operator that is under test.
"""Inputs of one call."""

from __future__ import annotations

import torch
from opdb_frames import Frame, dtype_name, replaced, storage_bytes, tensors_in

WIDE = {
    torch.float32: torch.float64, torch.float16: torch.float64, torch.bfloat16: torch.float64, torch.complex64: torch.complex128,
}


class Inputs:
    """The tensors of (input, args, kwargs): each object once, each storage once."""

    def __init__(self, tree) -> None:
        self.tree = tree
        self.tensors: list[torch.Tensor] = []
        self.storages: list[torch.UntypedStorage] = []
        self.place: list[int] = []
        self.unsupported: str | None = None
        self.copies: dict[int, int] = {}
        for tensor in tensors_in(tree):
            if id(tensor) not in self.copies:
                self.add(tensor)

    def add(self, tensor: torch.Tensor) -> None:
        self.copies[id(tensor)] = len(self.tensors)
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or type(tensor) not in (torch.Tensor, torch.nn.Parameter):
            self.unsupported = f"a {tensor.layout} tensor on {tensor.device.type}"
            return
        plain = tensor.detach()
        if plain.is_conj() or plain.is_neg():
            plain = plain.resolve_conj().resolve_neg()
        storage = plain.untyped_storage()
        at = next((k for k, one in enumerate(self.storages) if one.data_ptr() == storage.data_ptr() and one.nbytes() > 0), None)
        if at is None:
            at = len(self.storages)
            self.storages.append(storage)
        self.tensors.append(plain.requires_grad_(False) if tensor is plain else plain)
        self.place.append(at)
        self.grads = [*getattr(self, "grads", []), tensor.requires_grad]

    def built(self, wide: bool = False, grad: bool = True):
        """The call's (input, args, kwargs) over fresh memory; `made` then holds the new tensors."""
        bases = {}
        self.made: list[torch.Tensor] = []
        for tensor, at, wants in zip(self.tensors, self.place, getattr(self, "grads", [])):
            dtype = WIDE.get(tensor.dtype, tensor.dtype) if wide else tensor.dtype
            key = (at, tensor.dtype)
            # A storage seen as one dtype is one memory; as two, only the plain copy keeps them apart as PyTorch does.
            if key not in bases:
                count = self.storages[at].nbytes() // tensor.element_size()
                whole = torch.empty(0, dtype=tensor.dtype).set_(self.storages[at], 0, (count,), (1,))
                bases[key] = whole.to(dtype) if dtype != tensor.dtype else whole.clone()
            made = torch.empty(0, dtype=dtype).set_(
                bases[key].untyped_storage(), tensor.storage_offset(), tensor.shape, tensor.stride()
            )
            self.made.append(made.requires_grad_(wants and grad))
        tree = replaced(self.tree, lambda tensor: self.made[self.copies[id(tensor)]])
        if wide:
            tree = widened(tree)
        return tree

    def known(self, tensor: torch.Tensor):
        """How a tensor that was built here is written."""
        at = next((k for k, one in enumerate(self.made) if one is tensor), None)
        return None if at is None else {"t": at}

    def write(self, frame: Frame) -> None:
        frame.header["storages"] = [frame.blob(storage_bytes(one)) for one in self.storages]
        frame.header["tensors"] = [
            {
                "dtype": dtype_name(tensor.dtype), "shape": list(tensor.shape), "strides": list(tensor.stride()),
                "offset": tensor.storage_offset(), "storage": at, "grad": wants,
            }
            for tensor, at, wants in zip(self.tensors, self.place, getattr(self, "grads", []))
        ]

    def source(self, tensor: torch.Tensor) -> int | None:
        """Which built input a tensor shares memory with."""
        if tensor.layout != torch.strided or tensor.untyped_storage().nbytes() == 0:
            return None
        pointer = tensor.untyped_storage().data_ptr()
        return next((k for k, one in enumerate(self.made) if one.untyped_storage().data_ptr() == pointer), None)


def widened(value):
    """dtype arguments go with the tensors: a float32 result asked for is float64 in the wide run."""
    if isinstance(value, torch.dtype):
        return WIDE.get(value, value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(widened(one) for one in value) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return {key: widened(one) for key, one in value.items()}
    return value
