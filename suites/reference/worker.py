# The reference's side of a race: a process that prepares workloads and runs blocks of them when told. It decides nothing.
"""JSON lines on stdin, one answer a line on stdout.

{"id", "cmd": "hello", "threads"?, "device"?}             -> versions, threads, the card
{"id", "cmd": "prepare", "key", "backend", "workload"}    -> {}
{"id", "cmd": "run", "key", "iterations"}                 -> {"ns", "preempted"}: the block's elapsed time, and how often
                                                             the kernel gave its processor to another program meanwhile
{"id", "cmd": "output", "key", "file"}                    -> {"dtype", "shape"}: the result written to `file` as .npy
{"id", "cmd": "drop", "key"}                              -> {}
{"id", "cmd": "usage"}                                    -> {"cpuNs"}: processor time spent so far
An answer is {"id", "ok": true, ...} or {"id", "ok": false, "error": {"class", "message"}}. The process ends with its stdin.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import sys
import time

try:
    import resource
except ImportError:  # Not on this system: nobody counts there.
    resource = None

# Whatever a library prints must not land among the answers.
ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)


def optional(name: str):
    """A backend, or None: a machine may have NumPy alone."""
    try:
        return __import__(name)
    except Exception as error:  # noqa: BLE001 - a broken install is a missing one
        print(f"{name}: {error}", file=sys.stderr)
        return None


numpy = optional("numpy")
torch = optional("torch")
prepared: dict = {}


def hello(request: dict) -> dict:
    if torch and request.get("threads"):
        torch.set_num_threads(request["threads"])
    device = request.get("device", "cpu")
    if torch and device != "cpu":
        import workloads

        workloads.DEVICE = torch.device(device)
        # TF32 is off unless asked for, on either side.
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    return {
        "python": platform.python_version(), "numpy": numpy and numpy.__version__, "torch": torch and torch.__version__,
        "threads": torch.get_num_threads() if torch else None, "pid": os.getpid(),
        "card": torch.cuda.get_device_name(device) if torch and device != "cpu" else None,
    }


def prepare(request: dict) -> dict:
    if not torch or not numpy:
        raise RuntimeError("NumPy and PyTorch are both needed")
    import workloads

    prepared[request["key"]] = workloads.make(request["backend"], request["workload"])
    return {}


def run(request: dict) -> dict:
    step, turns = prepared[request["key"]].step, range(request["iterations"])
    # As timeit does: a collection of someone else's garbage is not this workload's time.
    gc.disable()
    before = preemptions()
    finish()
    start = time.perf_counter_ns()
    for _ in turns:
        step()
    finish()
    elapsed = time.perf_counter_ns() - start
    preempted = preemptions() - before
    gc.enable()
    settle()
    return {"ns": elapsed, "preempted": preempted}


def finish() -> None:
    """A block ends when its results are there: a call on a card returns before."""
    if torch and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def preemptions() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else 0


def settle() -> None:
    """Waits until this process is quiet: OpenMP's threads spin for up to 20 ms after their last loop, on the other side's processor."""
    for _ in range(40):
        before = time.process_time_ns()
        time.sleep(0.001)
        if time.process_time_ns() - before < 300_000:
            return


def usage(request: dict) -> dict:
    return {"cpuNs": time.process_time_ns()}


def output(request: dict) -> dict:
    # Not ascontiguousarray: it turns a 0-d result into a 1-d one.
    array = numpy.asarray(prepared[request["key"]].output(), order="C")
    with open(request["file"], "wb") as file:
        numpy.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return {"dtype": str(array.dtype), "shape": list(array.shape)}


def drop(request: dict) -> dict:
    prepared.pop(request["key"], None)
    return {}


COMMANDS = {"hello": hello, "prepare": prepare, "run": run, "output": output, "drop": drop, "usage": usage}


def answer(line: str) -> dict:
    request = json.loads(line)
    try:
        return {"id": request.get("id"), "ok": True, **COMMANDS[request["cmd"]](request)}
    except Exception as error:  # noqa: BLE001 - an error is an answer; only the caller knows what it means
        return {"id": request.get("id"), "ok": False, "error": {"class": type(error).__name__, "message": str(error)[:2000]}}


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            ANSWERS.write(json.dumps(answer(line)) + "\n")
            ANSWERS.flush()


if __name__ == "__main__":
    main()
