# Sequences of PyTorch's learning rate schedulers. Owns the configurations; test/engine/optim replays them.
from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch.optim import lr_scheduler, swa_utils

from optim_cases import encode

STEPS = 60
RELOAD = 25
FUNCTIONS = {
    "decay": lambda epoch: 0.95**epoch,
    "inverse": lambda epoch: 1 / (1 + epoch),
    "constant": lambda epoch: 0.97,
    "halves": lambda x: 0.5 ** (x - 1),
}


def spec(name: str, **kwargs) -> dict:
    return {"name": name, "kwargs": kwargs}


def fn(name: str) -> dict:
    return {"function": name}


def configurations() -> list[dict]:
    """{spec, optimizer: kwargs of the optimizer, lrs: of the groups}"""
    simple = [
        spec("LambdaLR", lr_lambda=fn("decay")),
        spec("LambdaLR", lr_lambda=[fn("decay"), fn("inverse")]),
        spec("MultiplicativeLR", lr_lambda=fn("constant")),
        spec("MultiplicativeLR", lr_lambda=[fn("constant"), fn("inverse")]),
        spec("StepLR", step_size=7),
        spec("StepLR", step_size=3, gamma=0.9),
        spec("MultiStepLR", milestones=[5, 9, 9, 30]),
        spec("MultiStepLR", milestones=[2, 50], gamma=0.5),
        spec("ConstantLR"),
        spec("ConstantLR", factor=0.25, total_iters=9),
        spec("LinearLR"),
        spec("LinearLR", start_factor=0.1, total_iters=40),
        spec("LinearLR", start_factor=0.9, end_factor=0.0, total_iters=30),
        spec("ExponentialLR", gamma=0.93),
        spec("ExponentialLR", gamma=1.01),
        spec("CosineAnnealingLR", T_max=20),
        spec("CosineAnnealingLR", T_max=7, eta_min=0.001),
        spec("CosineAnnealingLR", T_max=100, eta_min=1e-5),
        spec("CosineAnnealingWarmRestarts", T_0=10),
        spec("CosineAnnealingWarmRestarts", T_0=4, T_mult=2, eta_min=0.002),
        spec("CosineAnnealingWarmRestarts", T_0=1, T_mult=3),
        spec("PolynomialLR"),
        spec("PolynomialLR", total_iters=40, power=2.0),
        spec("PolynomialLR", total_iters=50, power=0.5),
        spec("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=6),
        spec("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=5, step_size_down=9, mode="triangular2"),
        spec("CyclicLR", base_lr=[0.01, 0.02], max_lr=[0.1, 0.3], step_size_up=5, mode="exp_range", gamma=0.97),
        spec("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=8, cycle_momentum=False),
        spec("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=8, scale_fn=fn("halves"), scale_mode="cycle"),
        spec("CyclicLR", base_lr=0.01, max_lr=0.1, step_size_up=8, scale_fn=fn("decay"), scale_mode="iterations", base_momentum=0.7),
        spec("OneCycleLR", max_lr=0.5, total_steps=80),
        spec("OneCycleLR", max_lr=[0.5, 0.2], epochs=8, steps_per_epoch=10, anneal_strategy="linear"),
        spec("OneCycleLR", max_lr=0.5, total_steps=61, three_phase=True, pct_start=0.4),
        spec("OneCycleLR", max_lr=0.5, total_steps=70, cycle_momentum=False, div_factor=10.0, final_div_factor=100.0),
        spec("ReduceLROnPlateau"),
        spec("ReduceLROnPlateau", patience=2, factor=0.5, cooldown=3),
        spec("ReduceLROnPlateau", mode="max", patience=4, threshold=0.05, threshold_mode="abs"),
        spec("ReduceLROnPlateau", patience=1, min_lr=[0.01, 0.001], threshold_mode="abs"),
        spec("ReduceLROnPlateau", mode="max", patience=0, factor=0.7, min_lr=0.02, eps=0.001),
        spec("SWALR", swa_lr=0.05),
        spec("SWALR", swa_lr=[0.05, 0.2], anneal_epochs=15, anneal_strategy="linear"),
        spec("SWALR", swa_lr=0.05, anneal_epochs=0),
    ]
    chained = [
        spec("ChainedScheduler", schedulers=[spec("ConstantLR", factor=0.1, total_iters=8), spec("ExponentialLR", gamma=0.9)]),
        spec("ChainedScheduler", schedulers=[spec("StepLR", step_size=5), spec("LinearLR", total_iters=20), spec("MultiStepLR", milestones=[3, 40])]),
        spec("ChainedScheduler", schedulers=[spec("CosineAnnealingLR", T_max=12), spec("PolynomialLR", total_iters=50)]),
        spec("SequentialLR", schedulers=[spec("ConstantLR", factor=0.1, total_iters=5), spec("ExponentialLR", gamma=0.9)], milestones=[12]),
        spec("SequentialLR", schedulers=[spec("LinearLR", start_factor=0.1, total_iters=10), spec("CosineAnnealingLR", T_max=50)], milestones=[10]),
        spec(
            "SequentialLR",
            schedulers=[spec("LinearLR", total_iters=4), spec("StepLR", step_size=6), spec("PolynomialLR", total_iters=20)],
            milestones=[8, 30],
        ),
        spec("SequentialLR", schedulers=[spec("ExponentialLR", gamma=0.9), spec("CosineAnnealingWarmRestarts", T_0=6, T_mult=2)], milestones=[15]),
        spec("SequentialLR", schedulers=[spec("ConstantLR", total_iters=4), spec("MultiplicativeLR", lr_lambda=fn("constant"))], milestones=[9]),
    ]
    found = [{"spec": one, "optimizer": "SGD", "options": {"lr": 0.05, "momentum": 0.9}} for one in simple + chained]
    with_betas = [one for one in simple if one["name"] in ("CyclicLR", "OneCycleLR")]
    found += [{"spec": one, "optimizer": "Adam", "options": {"lr": 0.05}} for one in with_betas]
    with_tensor = [simple[at] for at in (0, 4, 9, 12, 13, 15, 18, 21, 24, 30, 35)] + [chained[0], chained[4]]
    found += [{"spec": one, "optimizer": "SGD", "options": {"lr": torch.tensor(0.05), "momentum": 0.9}} for one in with_tensor]
    return found


def build(one, optimizer):
    """The scheduler that a specification means."""
    kwargs = {key: resolve(value, optimizer) for key, value in one["kwargs"].items()}
    if one["name"] == "ChainedScheduler":
        return lr_scheduler.ChainedScheduler(**kwargs)
    cls = swa_utils.SWALR if one["name"] == "SWALR" else getattr(lr_scheduler, one["name"])
    return cls(optimizer, **kwargs)


def resolve(value, optimizer):
    if isinstance(value, list):
        return [resolve(each, optimizer) for each in value]
    if isinstance(value, dict) and "function" in value:
        return FUNCTIONS[value["function"]]
    if isinstance(value, dict):
        return build(value, optimizer)
    return value


def make(config):
    params = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))]
    second = {"params": params[1:], "lr": 0.2}
    options = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in config["options"].items()}
    optimizer = getattr(torch.optim, config["optimizer"])([{"params": params[:1]}, second], **options)
    return optimizer, build(config["spec"], optimizer)


def metric(step: int) -> float:
    return round(math.cos(step / 3) + 2 / (1 + step / 4), 3)


def snapshot(optimizer) -> list:
    return [
        [float(g["lr"]), float(g["momentum"] if "momentum" in g else g["betas"][0])] for g in optimizer.param_groups
    ]


def plain(value):
    """A state dict as JSON; infinities as texts, counters as objects."""
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return encode(value)


def run(config) -> tuple[dict, np.ndarray]:
    optimizer, scheduler = make(config)
    rows = [snapshot(optimizer)]
    for step in range(STEPS):
        optimizer.step()
        if config["spec"]["name"] == "ReduceLROnPlateau":
            scheduler.step(metric(step))
        else:
            scheduler.step()
        rows.append(snapshot(optimizer))
        if [float(lr) for lr in scheduler.get_last_lr()] != [lr for lr, _ in rows[-1]]:
            raise AssertionError("the last learning rates are not the optimizer's")
        if step == RELOAD - 1:
            state = {"scheduler": plain(scheduler.state_dict()), "optimizer": plain(optimizer.state_dict()["param_groups"])}
    return {"state": state}, np.array(rows)


def schedules() -> tuple[list[dict], dict[str, np.ndarray]]:
    """Records, and for each [step, group, learning rate and momentum], the state before the first step too."""
    found, arrays = [], {}
    for config in configurations():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key = f"{len(found):02d}"
            record, arrays[key] = run(config)
            found.append({"id": key, "spec": config["spec"], "optimizer": config["optimizer"], "options": encode(config["options"]), **record})
    return found, arrays


def errors() -> list[dict]:
    wrong = [
        spec("LambdaLR", lr_lambda=[fn("decay")]),
        spec("MultiplicativeLR", lr_lambda=[fn("decay")]),
        spec("ConstantLR", factor=1.5),
        spec("LinearLR", start_factor=0.0),
        spec("LinearLR", end_factor=-0.5),
        spec("CosineAnnealingWarmRestarts", T_0=0),
        spec("CosineAnnealingWarmRestarts", T_0=4, T_mult=0),
        spec("CyclicLR", base_lr=[0.1], max_lr=0.2),
        spec("CyclicLR", base_lr=0.1, max_lr=0.2, mode="square"),
        spec("OneCycleLR", max_lr=0.1),
        spec("OneCycleLR", max_lr=0.1, total_steps=0),
        spec("OneCycleLR", max_lr=0.1, epochs=0, steps_per_epoch=5),
        spec("OneCycleLR", max_lr=0.1, epochs=3, steps_per_epoch=-5),
        spec("OneCycleLR", max_lr=0.1, total_steps=10, pct_start=1.5),
        spec("OneCycleLR", max_lr=0.1, total_steps=10, anneal_strategy="cubic"),
        spec("OneCycleLR", max_lr=[0.1, 0.2, 0.3], total_steps=10),
        spec("ReduceLROnPlateau", factor=1.5),
        spec("ReduceLROnPlateau", mode="middle"),
        spec("ReduceLROnPlateau", threshold_mode="both"),
        spec("ReduceLROnPlateau", min_lr=[0.1]),
        spec("SWALR", swa_lr=[0.1]),
        spec("SWALR", swa_lr=0.1, anneal_strategy="cubic"),
        spec("SWALR", swa_lr=0.1, anneal_epochs=-1),
        spec("SequentialLR", schedulers=[], milestones=[]),
        spec("SequentialLR", schedulers=[spec("StepLR", step_size=2)], milestones=[3]),
        spec("SequentialLR", schedulers=[spec("ReduceLROnPlateau"), spec("StepLR", step_size=2)], milestones=[3]),
        spec("ChainedScheduler", schedulers=[]),
        spec("ChainedScheduler", schedulers=[spec("ReduceLROnPlateau")]),
        spec("StepLR", step_size=2, last_epoch=4),
    ]
    found = []
    for one in wrong:
        try:
            make({"spec": one, "optimizer": "SGD", "options": {"lr": 0.05, "momentum": 0.9}})
        except Exception as error:  # noqa: BLE001 (whatever it raises is what is recorded)
            found.append({"spec": one, "class": type(error).__name__, "text": str(error.args[0])})
        else:
            raise AssertionError(f"{one} raised nothing")
    return found
