// Device guard: an op runs on the device of its tensors. Installed on first use of a second device, so CPU-only
// programs pay nothing.
import { maxDims } from '../backend/commands/cursor.js';
import { cpu, type Device, type DeviceLike, deviceHooks, placement, requireDevice } from '../core/device.js';
import { Tensor } from '../core/tensor.js';
import { to } from '../ops/creation/conversion.js';
import { moved } from '../ops/creation/copy-fill-cast.js';
import { type Op, ops, rewire } from './define.js';

type Call = (...args: unknown[]) => unknown;

/** The device of the first tensor that is not on the CPU, else the CPU; null without tensors. Arrays that hold themselves end too. */
function deviceOf(args: readonly unknown[], depth = 0): Device | null {
  let seen: Device | null = null;
  for (const arg of args) {
    const d =
      arg instanceof Tensor
        ? arg.device
        : Array.isArray(arg) && depth < maxDims
          ? deviceOf(arg, depth + 1)
          : null;
    if (d === null || d.type === 'disposed') continue;
    if (d !== cpu) return d;
    seen = d;
  }
  return seen;
}

/** As PyTorch: a 0-d tensor of the CPU is a number to tensors elsewhere. */
function numbersMoved(args: unknown[], d: Device): unknown[] {
  return args.map((arg) => {
    if (!(arg instanceof Tensor) || arg.device !== cpu || arg.ndim > 0) return arg;
    return moved(arg, d);
  });
}

function placed(op: Op, run: Call): Call {
  const at = op === (to as unknown) ? -1 : op.params.findIndex((p) => p.kind === 'device');
  return (...args) => {
    const named = at < 0 ? null : ((args[at] as DeviceLike | null | undefined) ?? null);
    const own = deviceOf(args);
    const d = named === null ? own : requireDevice(op.name, named);
    if (d === null || (d === placement.device && d === own)) return run(...args);
    const before = placement.device;
    placement.device = d;
    try {
      return run(
        ...(own !== null && own !== cpu && own.backend !== null && op !== (to as unknown)
          ? numbersMoved(args, own)
          : args),
      );
    } finally {
      placement.device = before;
    }
  };
}

/** Makes every op run where its tensors are. */
function placeOps(): void {
  for (const op of ops.values()) rewire(op, (run) => placed(op, run));
}

deviceHooks.secondDevice = placeOps;
