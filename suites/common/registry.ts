// The engine's registry as the harness sees it: declarations as sources of cases, tolerances in the table's form.
import { type DType, float32, int64, type Op, type OpTests, ops, type Tolerance } from 'torchstone';
import type { CaseSource } from './cases.js';
import type { ToleranceOverride } from './tolerances.js';

/** An op with what the suites need of it. */
export interface RegisteredOp extends CaseSource {
  readonly op: Op;
  readonly tolerance: readonly ToleranceOverride[];
}

// Ops in a namespace (torch.special) get the cases they declare: the conformance suite has their breadth.
const isTopLevel = (op: Op): boolean => !op.name.includes('.');

// What a pointwise op takes is decided by its refusals: every dtype is tried, and PyTorch says which fail.
const DTYPES = ['bool', 'uint8', 'int8', 'int16', 'int32', 'int64', 'float64'] as const;

/** Every declared op, in order of declaration. */
export function registeredOps(registry: ReadonlyMap<string, Op> = ops): RegisteredOp[] {
  return [...registry.values()].map(describeOp);
}

const built = new WeakMap<Op, OpTests>();
/** The test data that the op declares, built on first use. */
export function testsOf(op: Op): OpTests {
  let tests = built.get(op);
  if (tests === undefined) {
    tests = op.def.tests?.() ?? {};
    built.set(op, tests);
  }
  return tests;
}

function describeOp(op: Op): RegisteredOp {
  const { def } = op;
  const tests = testsOf(op);
  return {
    op,
    name: op.name,
    torch: op.torch,
    ...(def.numpy !== undefined ? { numpy: def.numpy } : {}),
    params: op.params,
    variants: op.variants,
    samples: tests.samples ?? [],
    errors: (tests.errors ?? []).map(({ throws, ...sample }) => ({ ...sample, error: throws })),
    ...(def.notDifferentiable !== undefined ? { notDifferentiable: def.notDifferentiable } : {}),
    ...(op.kind === 'pointwise' && isTopLevel(op)
      ? {
          pointwise: {
            dtypes: DTYPES,
            usual: usualDtype(op),
            ...(tests.fill !== undefined ? { fill: tests.fill } : {}),
          },
        }
      : {}),
    tolerance: overridesOf(tests.tolerance),
  };
}

/** float32 where the op takes it. */
function usualDtype(op: Op): string {
  const takes = (dtype: DType) => (op.def.refuse?.(dtype) ?? null) === null;
  return takes(float32) ? 'float32' : takes(int64) ? 'int64' : 'bool';
}

/**
 * The declaration's tolerances: a dtype's terms go for values and gradients, `grad` for the gradients of every dtype, and
 * `cuda:float32` for that dtype on that device.
 */
function overridesOf(declared: Tolerance | undefined): ToleranceOverride[] {
  if (!declared) return [];
  const { reason } = declared;
  const found: ToleranceOverride[] = [];
  for (const [key, terms] of Object.entries(declared)) {
    if (key === 'signedZero' && terms === 'any') found.push({ signedZero: 'any', reason });
    if (typeof terms === 'string') continue;
    if (key === 'grad') found.push({ ...terms, only: 'gradients', reason });
    else if (key.includes(':')) found.push({ ...terms, ...onDevice(key), reason });
    else found.unshift({ ...terms, dtypes: [key], reason });
  }
  return found;
}

function onDevice(key: string): Pick<ToleranceOverride, 'device' | 'dtypes'> {
  const [device = '', dtype = ''] = key.split(':');
  return { device, dtypes: [dtype] };
}
