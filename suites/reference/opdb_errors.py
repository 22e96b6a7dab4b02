# Owns the calls that must fail: op_db's error inputs, with the class and message that PyTorch raises.
# It must not judge them.
"""Frames of kind `error`: the call, and PyTorch's error."""

from __future__ import annotations

from opdb_calls import Program, Tracer, direct_program, is_direct, paths_of
from opdb_frames import Frame
from opdb_inputs import Inputs

# Stands for the result of the call that failed.
FAILED = ["failed"]
CLASSES = (NotImplementedError, IndexError, TypeError, ValueError, RuntimeError)


def class_of(error: BaseException | type) -> str:
    kind = error if isinstance(error, type) else type(error)
    return next((one.__name__ for one in CLASSES if issubclass(kind, one)), kind.__name__)


def expected(error_type) -> list[str]:
    kinds = error_type if isinstance(error_type, tuple) else (error_type,)
    return [class_of(kind) for kind in kinds]


def error_frames(op, name: str, order: dict):
    if op.error_inputs_func is None:
        return
    for at, item in enumerate(op.error_inputs("cpu")):
        if order.get("sample") not in (None, at):
            continue
        frame = Frame(kind="error", entry=name, sample=at, expected=expected(item.error_type), regex=item.error_regex)
        try:
            add_call(frame, op, item.sample_input)
        except Exception as error:  # noqa: BLE001 - one odd call must not end the stream
            frame.header["unsupported"] = f"{type(error).__name__}: {error}"[:300]
        # Some are errors on other devices only.
        if frame.header.get("raised") is not False:
            yield frame


def add_call(frame: Frame, op, sample) -> None:
    inputs = Inputs([sample.input, list(sample.args), dict(sample.kwargs)])
    if inputs.unsupported:
        frame.header["unsupported"] = inputs.unsupported
        return
    head, args, kwargs = inputs.built()
    inputs.write(frame)
    raised = None
    tracer = Tracer()
    try:
        if is_direct(op):
            op.op(head, *args, **kwargs)
        else:
            with tracer:
                op.op(head, *args, **kwargs)
    except Exception as error:  # noqa: BLE001 - that is what is recorded
        raised = error
    if raised is None:
        frame.header["raised"] = False
        return
    frame.header["error"] = {"class": class_of(raised), "message": str(raised)[:1000]}
    if tracer.failed is None:
        frame.header["program"] = direct_program(op, [head, *args], kwargs, inputs.known)
        return
    calls = [*tracer.calls, (*tracer.failed[:3], FAILED)]
    frame.header["program"] = Program(calls, FAILED, inputs.known).encoded(paths_of(op.name))
