# Writes fixtures/ops/ from the cases JSON: asks PyTorch and NumPy, records values, gradients, texts and errors.
# It must not name an op: whatever is odd about one belongs in its declaration.
"""usage: make_fixtures.py CASES.json FOLDER [--report FILE]

CASES.json is a list of {id, op, torch, numpy?, params?, variant, args, kwargs, checkGrad, valuesUndefined?, error?, mayFail?, numpyDiffers?}
(suites/common/cases.ts). FOLDER is the fixture tree; FOLDER/ops is replaced. Exit code 3: some cases were refused (listed), the rest is written.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

import inputs as build_inputs
import npz
import oracle


class Refused(Exception):
    """The case cannot become a fixture; the message says why."""


def settle_torch() -> None:
    """One thread and deterministic kernels: the same bytes on every run."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)


def output_entry(output, tensors: list[torch.Tensor], undefined: bool) -> dict:
    if not isinstance(output, torch.Tensor):
        exact = output is None or isinstance(output, (bool, str)) or (isinstance(output, (int, float)) and abs(output) < 2**53)
        return {"python": type(output).__name__, "value": output if exact else str(output)}
    entry = {
        "dtype": build_inputs.dtype_name(output.dtype), "shape": list(output.shape), "strides": list(output.stride()),
        "isView": oracle.shares(output, tensors),
    }
    if not undefined and output.numel() <= oracle.TEXT_LIMIT:
        entry["text"] = str(output)
    return entry


def record_numpy(case: dict, answer: oracle.Answer, arrays: dict) -> str | None:
    """Keeps NumPy's answer beside PyTorch's. Returns a note where NumPy has none; raises where the two disagree."""
    _, args, kwargs = build_inputs.build(case, with_grad=False)
    try:
        results = oracle.call_numpy(case, args, kwargs)
    except Exception as error:  # noqa: BLE001 - NumPy lacks an option or a dtype: no second opinion, and the report says so
        return f"NumPy gave no answer: {type(error).__name__}: {error}"
    reasons = [oracle.disagreement(theirs, torch.as_tensor(mine)) for theirs, mine in zip(results, answer.outputs)]
    if len(results) != len(answer.outputs):
        reasons.append(f"NumPy returned {len(results)} results, PyTorch {len(answer.outputs)}")
    reason = next((one for one in reasons if one), None)
    if reason and not case.get("numpyDiffers"):
        raise Refused(f"NumPy and PyTorch disagree: {reason}")
    if reason:
        return None
    for k, (result, mine) in enumerate(zip(results, answer.outputs)):
        if isinstance(mine, torch.Tensor):
            arrays[f"{case['id']}/np{k}"] = result
    return None


def record_gradients(case: dict, entry: dict, arrays: dict) -> None:
    found = oracle.gradients(case)
    if found.error:
        if not case.get("mayFail"):
            raise Refused(f"PyTorch gives no gradient: {found.error['message'][:300]}")
        return
    for k, (gout, fn) in enumerate(zip(found.grad_outputs, found.grad_fns)):
        if fn:
            entry["outputs"][k]["gradFn"] = fn
        if gout is not None:
            entry["outputs"][k]["grad"] = True
            arrays[f"{case['id']}/gout{k}"] = build_inputs.to_array(gout)
    entry["gradients"] = [one is not None for one in found.grads]
    for k, one in enumerate(found.grads):
        if one is not None:
            arrays[f"{case['id']}/gin{k}"] = build_inputs.to_array(one)


def record(case: dict) -> tuple[dict, dict, list[str]]:
    """One case: its JSON entry, its arrays, and notes for the report."""
    made, args, kwargs = build_inputs.build(case, with_grad=False)
    answer = oracle.ask(case, args, kwargs)
    entry = {key: case[key] for key in ("id", "op", "torch", "variant", "args", "kwargs") if key in case}
    entry["inputs"] = made.specs
    entry["seed"] = build_inputs.seed_of(case["id"])
    arrays = {f"{case['id']}/in{k}": build_inputs.to_array(base) for k, base in enumerate(made.bases)}
    expected = case.get("error")
    if answer.error:
        # A refusal of a dtype is an answer; a call that PyTorch does not understand is a mistake in the declaration.
        misread = answer.error["class"] in ("TypeError", "AttributeError")
        if not expected and (misread or not case.get("mayFail")):
            raise Refused(f"PyTorch raised {answer.error['class']}: {answer.error['message'][:300]}")
        answer.error["class"] = answer.error["class"].lstrip("_")
        if isinstance(expected, str) and expected != answer.error["class"]:
            raise Refused(f"PyTorch raised {answer.error['class']}, the case expects {expected}")
        return {**entry, "error": answer.error}, arrays, []
    if expected:
        raise Refused(f"PyTorch accepts it, the case expects {expected}")
    undefined = bool(case.get("valuesUndefined"))
    entry["outputs"] = [output_entry(one, made.tensors, undefined) for one in answer.outputs]
    entry["gradients"] = []  # not recorded; record_gradients says otherwise
    notes: list[str] = []
    if not undefined:
        for k, one in enumerate(answer.outputs):
            if isinstance(one, torch.Tensor):
                arrays[f"{case['id']}/out{k}"] = build_inputs.to_array(one)
        if case.get("numpy") and (note := record_numpy(case, answer, arrays)):
            notes.append(note)
    if case.get("checkGrad"):
        record_gradients(case, entry, arrays)
    return entry, arrays, notes


def record_all(cases: list[dict]) -> tuple[dict, dict]:
    """Entries and arrays by op, and the report."""
    by_op: dict = defaultdict(lambda: ([], {}))
    report: dict = {"cases": 0, "arrays": 0, "gradients": 0, "errors": 0, "refused": [], "notes": []}
    seen: set[str] = set()
    for case in cases:
        try:
            if case["id"] in seen:
                raise Refused("two cases have this id")
            seen.add(case["id"])
            entry, arrays, notes = record(case)
        except Refused as refusal:
            report["refused"].append({"id": case["id"], "reason": str(refusal)})
            continue
        except Exception as error:  # noqa: BLE001 - a malformed case must not lose the others
            report["refused"].append({"id": case["id"], "reason": f"{type(error).__name__}: {error}"})
            continue
        entries, kept = by_op[case["op"]]
        entries.append(entry)
        kept.update(arrays)
        report["cases"] += 1
        report["arrays"] += len(arrays)
        report["gradients"] += sum(entry.get("gradients", []))
        report["errors"] += "error" in entry
        report["notes"] += [{"id": case["id"], "note": note} for note in notes]
    return by_op, report


def write(cases: list[dict], folder: Path) -> dict:
    """Replaces folder/ops with the fixtures of `cases`; returns the report."""
    settle_torch()
    by_op, report = record_all(cases)
    ops = folder / "ops"
    shutil.rmtree(ops, ignore_errors=True)
    for op in sorted(by_op):
        entries, arrays = by_op[op]
        npz.write_npz(ops / f"{op}.npz", arrays)
        npz.write_json(ops / f"{op}.json", sorted(entries, key=lambda one: one["id"]))
    report["ops"] = len(by_op)
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    report = write(json.loads(options.cases.read_text(encoding="utf-8")), options.folder)
    if options.report:
        npz.write_json(options.report, report, pretty=True)
    print(
        f"{report['cases']} cases of {report['ops']} ops: {report['arrays']} arrays, {report['gradients']} gradients, "
        f"{report['errors']} errors; NumPy {np.__version__}, PyTorch {torch.__version__}"
    )
    for one in report["refused"]:
        print(f"refused {one['id']}: {one['reason'].splitlines()[0]}", file=sys.stderr)
    return 3 if report["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())
