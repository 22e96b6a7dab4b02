# Owns what one sample call yields: results, gradients, second gradients, forward-mode derivatives, the in-place form, and the
# float64 truth of what PyTorch itself computes coarsely. It knows no operator by name.
"""Frames of kind `sample`."""

from __future__ import annotations

import torch
import torch.autograd.forward_ad as forward_ad
from opdb_calls import Program, Tracer, direct_program, is_direct, paths_of, probed
from opdb_errors import class_of
from opdb_frames import Frame, dtype_name, encode, logical_bytes, replaced, tensors_in
from opdb_inputs import Inputs

# torch.testing.assert_close's own.
TOLERANCE = {
    torch.float16: (1e-3, 1e-5), torch.bfloat16: (1.6e-2, 1e-5), torch.float32: (1.3e-6, 1e-5), torch.complex64: (1.3e-6, 1e-5),
}


def sample_frame(op, name: str, dtype: torch.dtype, trains: bool, at: int, sample, seed: int) -> Frame:
    frame = Frame(kind="sample", entry=name, dtype=dtype_name(dtype), sample=at, seed=seed)
    try:
        run = SampleRun(op, sample, seed, trains)
        run.record(frame)
    except Unsupported as error:
        frame.header["unsupported"] = str(error)
    except Exception as error:  # noqa: BLE001 - one odd call must not end the stream
        frame.header["unsupported"] = f"the oracle's own {type(error).__name__}: {error}"[:300]
    return frame


class Unsupported(Exception):
    """A sample that cannot be put on the wire."""


def draws(seed: int):
    """
    A function that draws seeded tensors like others; the n-th is the same in every run. Eighths between 1/8 and 2 of either sign: exact
    in every dtype, and short on disk.
    """
    generator = torch.Generator().manual_seed(seed)

    def eighths(shape) -> torch.Tensor:
        size = torch.randint(1, 17, shape, generator=generator)
        return size * (torch.randint(0, 2, shape, generator=generator) * 2 - 1) / 8

    def like(tensor: torch.Tensor) -> torch.Tensor:
        parts = [eighths(tensor.shape) for _ in range(2 if tensor.is_complex() else 1)]
        return (torch.complex(*parts) if tensor.is_complex() else parts[0]).to(tensor.dtype)

    return like


def flows(tensor: torch.Tensor) -> bool:
    return tensor.requires_grad and (tensor.is_floating_point() or tensor.is_complex())


class SampleRun:
    def __init__(self, op, sample, seed: int, trains: bool) -> None:
        self.op = op
        self.seed = seed
        self.trains = trains
        self.process = sample.output_process_fn_grad
        self.plain = self.process.__code__.co_code == (lambda x: x).__code__.co_code
        self.inputs = Inputs([sample.input, list(sample.args), probed(dict(sample.kwargs))])
        if self.inputs.unsupported:
            raise Unsupported(self.inputs.unsupported)

    def record(self, frame: Frame) -> None:
        self.inputs.write(frame)
        result, inputs = self.forward(frame)
        outputs = [one for one in tensors_in(result)]
        wide = self.wide()
        self.write_outputs(frame, result, outputs, wide)
        self.write_changes(frame, inputs)
        # A lambda may change the order of the arguments; what a method takes is then not known.
        if is_direct(self.op) and self.op.inplace_variant is not None:
            self.write_inplace(frame, wide)
        if is_direct(self.op) and self.op.method_variant is not None:
            frame.header["method"] = getattr(self.op.method_variant, "__name__", "<lambda>")
        if self.trains:
            self.write_gradients(frame, result, wide)
            if self.op.supports_forward_ad:
                self.write_forward_ad(frame, wide)

    def call(self, tree):
        torch.manual_seed(self.seed)
        head, args, kwargs = tree
        return self.op.op(head, *args, **kwargs)

    def forward(self, frame: Frame):
        tree = self.inputs.built()
        made = self.inputs.made
        before = torch.get_rng_state()
        torch.manual_seed(self.seed)
        start = torch.get_rng_state()
        if is_direct(self.op):
            result = self.op.op(tree[0], *tree[1], **tree[2])
            frame.header["program"] = direct_program(self.op, [tree[0], *tree[1]], tree[2], self.inputs.known)
        else:
            tracer = Tracer()
            with tracer:
                result = self.op.op(tree[0], *tree[1], **tree[2])
            frame.header["program"] = Program(tracer.calls, result, self.inputs.known).encoded(paths_of(self.op.name))
        drew = not torch.equal(start, torch.get_rng_state())
        torch.set_rng_state(before)
        frame.header["random"] = drew and self.varies(result)
        self.inputs.made = made
        return result, made

    def varies(self, result) -> bool:
        """Whether another seed gives another result: drawing numbers alone does not make a call random. A draw among few
        outcomes may repeat by chance, so several seeds are asked."""
        made = self.inputs.made
        try:
            return any(self.differs(result, self.seed + k) for k in range(1, 9))
        finally:
            self.inputs.made = made

    def differs(self, result, seed: int) -> bool:
        tree = self.inputs.built(grad=False)
        torch.manual_seed(seed)
        other = self.op.op(tree[0], *tree[1], **tree[2])
        pairs = zip(tensors_in(result), tensors_in(other))
        return any(a.shape != b.shape or not torch.equal(torch.nan_to_num(a.detach()), torch.nan_to_num(b)) for a, b in pairs)

    def wide(self):
        """The same call in float64, or nothing where that is the same, or fails."""
        made = self.inputs.made
        if not any(one.dtype in TOLERANCE for one in self.inputs.tensors):
            return None
        try:
            tree = self.inputs.built(wide=True)
            return {"result": self.call(tree), "made": self.inputs.made}
        except Exception:  # noqa: BLE001 - there is no truth then
            return None
        finally:
            self.inputs.made = made

    def truth(self, frame: Frame, got: torch.Tensor, wide: torch.Tensor | None) -> dict:
        """
        The float64 result, where PyTorch's own is further than half its tolerance from it. Elsewhere nothing that is outside the
        tolerance could be closer to the truth than PyTorch is.
        """
        terms = TOLERANCE.get(got.dtype)
        if wide is None or terms is None or wide.shape != got.shape or got.numel() == 0:
            return {}
        if not (wide.is_floating_point() or wide.is_complex()) or got.layout != torch.strided:
            return {}
        true = wide.detach().resolve_conj()
        off = (got.detach().to(true.dtype) - true).abs() > (terms[1] + terms[0] * true.abs()) / 2
        return {"truth": frame.blob(logical_bytes(true)), "truthDtype": dtype_name(true.dtype)} if bool(off.any()) else {}

    def value(self, frame: Frame, tensor: torch.Tensor, wide: torch.Tensor | None = None) -> dict:
        return {
            "dtype": dtype_name(tensor.dtype), "shape": list(tensor.shape), "data": frame.blob(logical_bytes(tensor)),
            **self.truth(frame, tensor, wide),
        }

    def write_outputs(self, frame: Frame, result, outputs, wide) -> None:
        wides = list(tensors_in(wide["result"])) if wide else []
        index = {id(one): k for k, one in enumerate(outputs)}
        frame.header["result"] = encode(result, lambda tensor: {"o": index[id(tensor)]})
        frame.header["outputs"] = [
            {
                **self.value(frame, one, wides[k] if len(wides) == len(outputs) else None),
                "strides": list(one.stride()) if one.layout == torch.strided else [],
                "offset": one.storage_offset() if one.layout == torch.strided else 0,
                "view": self.inputs.source(one), "same": next((k for k, x in enumerate(self.inputs.made) if x is one), None),
                "lazy": one.is_conj() or one.is_neg(), "grad": flows(one),
            }
            for k, one in enumerate(outputs)
        ]
        if not self.plain:
            self.write_processed(frame, result, outputs)

    def write_processed(self, frame: Frame, result, outputs) -> None:
        """What op_db makes of a result that is not unique (the sign of a singular vector), as calls, and what they give."""
        index = {id(one): k for k, one in enumerate(outputs)}
        tracer = Tracer()
        with tracer:
            processed = self.process(result)
        known = lambda tensor: {"o": index[id(tensor)]} if id(tensor) in index else None  # noqa: E731
        program = Program(tracer.calls, processed, known).encoded()
        frame.header["processed"] = {**program, "values": [self.value(frame, one) for one in tensors_in(processed)]}

    def write_changes(self, frame: Frame, made) -> None:
        """Inputs whose memory the call changed; nearly always none."""
        changed = {}
        for k, (before, after) in enumerate(zip(self.inputs.tensors, made)):
            if before.shape != after.shape or logical_bytes(before) != logical_bytes(after):
                changed[str(k)] = {"shape": list(after.shape), "data": frame.blob(logical_bytes(after))}
        if changed:
            frame.header["changed"] = changed

    def write_inplace(self, frame: Frame, wide) -> None:
        made = self.inputs.made
        tree = self.inputs.built(grad=False)
        torch.manual_seed(self.seed)
        name = getattr(self.op.inplace_variant, "__name__", "<lambda>")
        try:
            result = self.op.inplace_variant(tree[0], *tree[1], **tree[2])
            truth = wide["result"] if wide and isinstance(wide["result"], torch.Tensor) else None
            if isinstance(result, torch.Tensor) and self.inputs.tensors:
                frame.header["inplace"] = {"name": name, "value": self.value(frame, result, truth)}
        except Exception as error:  # noqa: BLE001 - a broadcast or a dtype that does not fit
            frame.header["inplace"] = {"name": name, "error": class_of(error)}
        self.inputs.made = made

    # --- derivatives ---

    def write_gradients(self, frame: Frame, result, wide) -> None:
        leaves = [k for k, one in enumerate(self.inputs.made) if one.requires_grad]
        taking = [one for one in tensors_in(self.process(result)) if flows(one)]
        if not leaves or not taking:
            return
        record: dict = {"inputs": leaves}
        like = draws(self.seed + 7)
        twice = self.op.supports_gradgrad
        outs = [like(one) for one in taking]
        record["outputs"] = [self.value(frame, one) for one in outs]
        made = [self.inputs.made[k] for k in leaves]
        try:
            found, second, seeds = self.derive(taking, made, outs, twice, like, None)
        except RuntimeError:
            # Differentiable twice says the entry; some of its samples are not.
            if not twice:
                raise
            twice = False
            taking = [one for one in tensors_in(self.process(self.call(self.inputs.built()))) if flows(one)]
            made = [self.inputs.made[k] for k in leaves]
            found, second, seeds = self.derive(taking, made, [one.detach() for one in outs], twice, like, None)
        seed_values = [None if one is None else one for one in seeds]
        true = self.wide_gradients(wide, leaves, outs, twice, seed_values)
        first_true, second_true = true if true else ([None] * len(found), [None] * len(second))
        record["gradients"] = [self.maybe(frame, *pair) for pair in zip(found, first_true)]
        if twice:
            record["seeds"] = [self.maybe(frame, one, None) for one in seeds]
            record["second"] = [self.maybe(frame, *pair) for pair in zip(second, second_true)]
        frame.header["backward"] = record

    def maybe(self, frame: Frame, tensor, wide):
        return None if tensor is None else self.value(frame, tensor, wide)

    def derive(self, outputs, leaves, outs, twice: bool, like, seeds):
        """First gradients for `outs`; second ones of sum(first · seeds) for the leaves and for `outs`."""
        outs = [one.requires_grad_(twice) for one in outs]
        found = torch.autograd.grad(outputs, leaves, outs, create_graph=twice, allow_unused=True)
        if not twice:
            return found, [], []
        if seeds is None:
            seeds = [None if one is None else like(one) for one in found]
        roots = [(g, v) for g, v in zip(found, seeds) if g is not None and g.requires_grad]
        if not roots:
            return found, [None] * (len(leaves) + len(outs)), seeds
        second = torch.autograd.grad([g for g, _ in roots], [*leaves, *outs], [v for _, v in roots], allow_unused=True)
        return found, second, seeds

    def wide_gradients(self, wide, leaves, outs, twice, seeds):
        if not wide:
            return None
        try:
            taking = [one for one in tensors_in(self.process(wide["result"])) if flows(one)]
            cast = [one.detach().to(out.dtype) for one, out in zip(outs, taking)]
            made = [wide["made"][k] for k in leaves]
            wide_seeds = [None if one is None else one.to(leaf.dtype) for one, leaf in zip(seeds, made)] if seeds else None
            found, second, _ = self.derive(taking, made, cast, twice, None, wide_seeds or [None] * len(leaves))
            return found, second
        except Exception:  # noqa: BLE001 - there is no truth then
            return None

    def write_forward_ad(self, frame: Frame, wide) -> None:
        made = self.inputs.made
        like = draws(self.seed + 11)
        tangents = [like(one) if wants else None for one, wants in zip(self.inputs.tensors, self.inputs.grads)]
        if any(one is not None for one in tangents):
            try:
                found = self.pushed(tangents, False)
            except Exception as error:  # noqa: BLE001 - some samples of a supporting entry do not support it
                frame.header["forwardUnsupported"] = f"{type(error).__name__}: {error}"[:200]
                found = None
            if found is not None:
                true = self.pushed_wide(tangents) or [None] * len(found)
                frame.header["forward"] = {
                    "tangents": [self.maybe(frame, one, None) for one in tangents],
                    "values": [self.maybe(frame, *pair) for pair in zip(found, true)],
                }
        self.inputs.made = made

    def pushed_wide(self, tangents):
        try:
            return self.pushed(tangents, True)
        except Exception:  # noqa: BLE001 - there is no truth then
            return None

    def pushed(self, tangents, wide: bool):
        """The tangents of the processed outputs: a tensor where the output takes a gradient, else None."""
        tree = self.inputs.built(wide=wide, grad=False)
        with forward_ad.dual_level():
            dual = {
                id(one): one if tangent is None else forward_ad.make_dual(one, tangent.to(one.dtype))
                for one, tangent in zip(self.inputs.made, tangents)
            }
            result = self.process(self.call(replaced(tree, lambda tensor: dual[id(tensor)])))
            parts = [forward_ad.unpack_dual(one) for one in tensors_in(result)]
            return [
                None if not (p.primal.is_floating_point() or p.primal.is_complex())
                else torch.zeros_like(p.primal) if p.tangent is None else p.tangent.detach().clone()
                for p in parts
            ]
