"""Index sequences of torch.utils.data: make_data.py OUT.json

Each case has what a sampler, a split or a loader gave, and each draw that it made of a generator on the way: the call, its
arguments and its result. The draws let an implementation be compared that has other random numbers.
"""

import json
import random
import sys
import warnings
from contextlib import contextmanager

import torch
from torch.utils import data
from torch.utils.data.distributed import DistributedSampler

EPOCHS = 2


@contextmanager
def recorded(draws):
    """Writes each draw of samplers, splits and loaders to a list."""
    originals = torch.randperm, torch.randint, torch.multinomial, torch.Tensor.random_

    def randperm(n, **options):
        out = originals[0](n, **options)
        draws.append(["randperm", [n], out.tolist()])
        return out

    def randint(*, high, size, **options):
        out = originals[1](high=high, size=size, **options)
        draws.append(["randint", [0, high, list(size)], out.tolist()])
        return out

    def multinomial(weights, count, replacement, **options):
        out = originals[2](weights, count, replacement, **options)
        draws.append(["multinomial", [weights.tolist(), count, replacement], out.tolist()])
        return out

    def random_(self, **options):
        out = originals[3](self, **options)
        draws.append(["seed", [], str(out.item())])
        return out

    module = sys.modules["torch.utils.data.dataset"]
    split = module.randperm
    torch.randperm, torch.randint, torch.multinomial, torch.Tensor.random_ = randperm, randint, multinomial, random_
    module.randperm = randperm
    try:
        yield
    finally:
        torch.randperm, torch.randint, torch.multinomial, torch.Tensor.random_ = originals
        module.randperm = split


def generator_of(own):
    """A generator of its own, or none."""
    return torch.Generator().manual_seed(7) if own else None


def sampler_of(case, generator):
    n, options = case["n"], case["options"]
    kind = case["kind"]
    if kind == "sequential":
        return data.SequentialSampler(range(n))
    if kind == "random":
        return data.RandomSampler(range(n), options["replacement"], options["numSamples"], generator)
    if kind == "subset":
        return data.SubsetRandomSampler([3 * i + 1 for i in range(n)], generator)
    if kind == "weighted":
        weights = [1 + (i % 4) for i in range(n)]
        return data.WeightedRandomSampler(weights, options["numSamples"], options["replacement"], generator)
    assert kind == "distributed"
    return DistributedSampler(
        range(n), options["numReplicas"], options["rank"], options["shuffle"], options["seed"], options["dropLast"]
    )


def sequences(case):
    """What the case gives in each epoch: batches of a loader, where there is a batch size, else indices."""
    generator = generator_of(case["own"])
    sampler = sampler_of(case, generator)
    if case["batchSize"] is not None:
        loader = data.DataLoader(
            range(1000),
            sampler=sampler,
            batch_size=case["batchSize"],
            drop_last=case["dropLast"],
            generator=generator,
            collate_fn=list,
        )
    for epoch in range(EPOCHS):
        if case["kind"] == "distributed":
            sampler.set_epoch(epoch)
        yield list(loader if case["batchSize"] is not None else sampler)


def sampler_cases(rng):
    for i in range(160):
        kind = ["sequential", "random", "subset", "weighted", "distributed"][i % 5]
        n = rng.choice([1, 2, 3, 7, 32, 40]) if i % 2 else rng.randint(1, 70)
        options = {}
        if kind == "random":
            options = {"replacement": rng.random() < 0.5, "numSamples": rng.choice([None, 1, n, 2 * n, 32, 2 * n + 3])}
        if kind == "weighted":
            replacement = rng.random() < 0.5
            options = {"replacement": replacement, "numSamples": rng.randint(1, 2 * n if replacement else n)}
        if kind == "distributed":
            replicas = rng.randint(1, 9)
            options = {
                "numReplicas": replicas,
                "rank": rng.randrange(replicas),
                "shuffle": rng.random() < 0.6,
                "seed": rng.randint(0, 9),
                "dropLast": rng.random() < 0.5,
            }
        batch = rng.choice([None, 1, 2, 5, 8, n])
        yield {
            "kind": kind,
            "n": n,
            "options": options,
            "own": rng.random() < 0.5,
            "batchSize": batch,
            "dropLast": batch is not None and rng.random() < 0.5,
        }


def split_cases(rng):
    for n in [0, 1, 2, 9, 10, 23, 100]:
        yield n, [0.5, 0.5]
        yield n, [0.7, 0.2, 0.1]
        yield n, [1 / 3, 1 / 3, 1 / 3]
        yield n, [1]
        cut = rng.randint(0, n)
        yield n, [cut, n - cut]


def main(path):
    warnings.simplefilter("ignore")
    torch.manual_seed(3)
    rng = random.Random(11)
    samplers, splits = [], []
    for case in sampler_cases(rng):
        draws = []
        with recorded(draws):
            epochs = list(sequences(case))
        samplers.append({**case, "epochs": epochs, "draws": draws})
    for n, lengths in split_cases(rng):
        draws = []
        with recorded(draws):
            parts = [list(part.indices) for part in data.random_split(range(n), lengths)]
        splits.append({"n": n, "lengths": lengths, "parts": parts, "draws": draws})
    with open(path, "w", encoding="utf-8") as file:
        rows = lambda cases: "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]"
        file.write(f'{{"torch":"{torch.__version__}","samplers":{rows(samplers)},"splits":{rows(splits)}}}\n')


if __name__ == "__main__":
    main(sys.argv[1])
