// Torchstone asked in the same way as its peers: the control. A failure here is a fault of the asking.
import * as engine from 'torchstone';
import { arrayOf, type EngineTensor, flattenResult, tensorOf } from '../../common/bind.js';
import { registeredOps } from '../../common/registry.js';
import { Calls, type PeerEngine, type PeerOps } from '../engine.js';
import { SENDABLE } from '../inputs.js';

/** Every op of the registry. */
export async function openPeer(): Promise<PeerEngine> {
  const dtypeNamed = (name: string) => (engine as Readonly<Record<string, unknown>>)[name];
  const ops: PeerOps = Object.fromEntries(
    registeredOps().map(({ torch, op }) => [
      torch.replace(/^torch\./, ''),
      (call) => flattenResult(op.impl(...call.everything(dtypeNamed))),
    ]),
  );
  return {
    dtypes: [...SENDABLE],
    ops,
    calls: new Calls(),
    input: (value) => tensorOf(value as Parameters<typeof tensorOf>[0]),
    output: (value) => arrayOf(value as EngineTensor),
    gradient: (run, inputs, weight) => {
      const leaves = (inputs as readonly EngineTensor[]).map((one) => one.detach().requiresGrad_());
      const result = run(leaves) as EngineTensor;
      return engine.autograd.grad([result], leaves, {
        gradOutputs: [weight as EngineTensor],
        allowUnused: true,
      });
    },
  };
}
