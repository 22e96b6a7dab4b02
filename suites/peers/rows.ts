// Calls timed on the peers: the bench's own rows, and a training step with a fixed batch, since peers draw other random
// numbers.

import type { ArgSpec } from 'torchstone';
import * as engine from 'torchstone';
import { cpuRows, type Mode } from '../bench/cpu-rows.js';
import type { RowPlan, Workload } from '../bench/plan.js';
import { arrayOf, type EngineTensor } from '../common/bind.js';
import { type RegisteredOp, registeredOps } from '../common/registry.js';
import { peerCall } from './calls.js';
import type { PeerCall, PeerTraining, SentTensor } from './protocol.js';

/** What a peer is asked for a row. */
export type Asked = { readonly call: PeerCall } | { readonly training: PeerTraining };

const TRAINING = 'train';

/** Rows whose calls several engines have; at sizes that lists in lists can still hold. */
const WANTED = [
  /^cpu\/overhead\/(add|mul|sum|view)$/,
  /^cpu\/matmul\/(64|256|512)@float32$/,
  /^cpu\/sweep\/(add|add-row|mul|div|maximum|exp|log|tanh|sigmoid|relu|gelu|where|sum|sum-rows|sum-columns|mean-rows|amax-rows|argmax-rows|softmax|logSoftmax|cat|sort|cumsum)\/100000@float32$/,
  /^cpu\/conv2d\/(stem|3x3-64|1x1-64)-b1-forward$/,
];

/** The rows of a race with peers. */
export function peerRows(mode: Mode): RowPlan[] {
  const rows = cpuRows(mode === 'full' ? 'usual' : mode).filter(
    (plan) => plan.unavailable === undefined && WANTED.some((wanted) => wanted.test(plan.id)),
  );
  return [...rows, ...[20, 100_000].map(trainingRow)];
}

/** What the bench's workload is for a peer; undefined where no peer could be asked. */
export function askedOf(workload: Workload | undefined): Asked | undefined {
  if (workload?.name === TRAINING) return { training: { x: sent(workload.x), rate: Number(workload.rate) } };
  if (workload?.name !== 'call') return undefined;
  const op = opOf(String(workload.torch));
  if (op === undefined) return undefined;
  const tensors: SentTensor[] = [];
  const collect = (value: unknown): ArgSpec => {
    if (Array.isArray(value)) return value.map(collect);
    if (typeof value !== 'object' || value === null || !('raw' in value)) return value as ArgSpec;
    const tensor = sent(value.raw);
    tensors.push(tensor);
    return { tensor: { shape: [...tensor.shape] } };
  };
  const args = (workload.args as readonly unknown[]).map(collect);
  const kwargs = Object.entries((workload.kwargs ?? {}) as Readonly<Record<string, unknown>>);
  return {
    call: peerCall(op, args, Object.fromEntries(kwargs.map(([name, one]) => [name, collect(one)])), tensors),
  };
}

/** Python spells some of the rows by an operator or a method. */
const SPELT: Readonly<Record<string, string>> = {
  'operator.add': 'torch.add',
  'operator.mul': 'torch.mul',
  'torch.Tensor.sum': 'torch.sum',
};

function opOf(path: string): RegisteredOp | undefined {
  const name = SPELT[path] ?? path;
  return registeredOps().find(({ torch }) => torch === name);
}

function sent(raw: unknown): SentTensor {
  return raw as SentTensor;
}

/** A rate at which thousands of steps stay finite: the step's gradient grows with the batch. */
const RATE = 1e-2;

/** A line fitted to a batch of n, one step. */
function trainingRow(n: number): RowPlan {
  const rate = RATE / n;
  return {
    id: `cpu/peers/train/${n}`,
    kind: 'cpu',
    group: 'cpu peers',
    label: `training step, a line through ${n.toLocaleString('en')} points`,
    size: n,
    dtype: 'float32',
    tolerance: 1e-5,
    prepare: (inputs) => {
      const { raw } = inputs.tensor({ shape: [n], fill: 'ties' });
      const x = inputs.tensors[0]!;
      const { step } = line(x, rate);
      return {
        step,
        output: () => {
          const once = line(x, rate);
          once.step();
          return arrayOf(engine.cat([once.w.detach(), once.b.detach()]));
        },
        reference: { torch: { name: TRAINING, x: raw, rate } },
      };
    },
  };
}

function line(x: EngineTensor, rate: number): { w: EngineTensor; b: EngineTensor; step: () => void } {
  const one = () => engine.ones([1], { requiresGrad: true });
  const [w, b] = [one(), one()];
  const target = x.mul(3).sub(2);
  const step = () => {
    engine.sum(w.mul(x).add(b).sub(target).pow(2).mul(0.5)).backward();
    engine.noGrad(() => {
      for (const each of [w, b]) {
        each.sub_(each.grad!.mul(rate));
        each.grad!.zero_();
      }
    });
  };
  return { w, b, step };
}
