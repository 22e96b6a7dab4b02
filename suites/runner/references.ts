// Finds a Python that can serve as the oracle, or says what is missing.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { References } from '../../reports/schema/index.js';
import { packageRoot } from './machine.js';

/** The references found, and the interpreter to ask, if any has NumPy or PyTorch. */
export interface FoundReferences {
  readonly references: References;
  readonly python?: string;
}

// Metadata only: importing PyTorch takes seconds, and a broken install must not take the caller down with it.
const PROBE = `
import json, platform
from importlib.metadata import version, PackageNotFoundError
def of(name):
    try: return version(name)
    except PackageNotFoundError: return None
print(json.dumps({"python": platform.python_version(), "numpy": of("numpy"), "torch": of("torch")}))
`;
const PROBE_MS = 20_000;
const HOW = 'run `node scripts/setup.mjs` to fetch it, or name an interpreter in TORCHSTONE_PYTHON';

/** Where a reference interpreter may be, best first. */
export function pythonCandidates(env: NodeJS.ProcessEnv = process.env): string[] {
  if (env.TORCHSTONE_PYTHON) return [env.TORCHSTONE_PYTHON];
  if (env.TORCHSTONE_NO_PYTHON) return [];
  const venv = join(packageRoot(), '.venv', 'bin', 'python');
  return existsSync(venv) ? [venv, 'python3'] : ['python3'];
}

/** Looks for Python with NumPy and PyTorch. */
export async function findReferences(candidates = pythonCandidates()): Promise<FoundReferences> {
  let best: FoundReferences | undefined;
  for (const path of candidates) {
    const versions = await probe(path);
    if (versions === undefined) continue;
    const found = describe(path, versions);
    if (versions.numpy && versions.torch) return found;
    if (best === undefined || (best.python === undefined && found.python !== undefined)) best = found;
  }
  return best ?? nothing(candidates);
}

interface Versions {
  python: string;
  numpy: string | null;
  torch: string | null;
}

async function probe(path: string): Promise<Versions | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['-c', PROBE], {
      timeout: PROBE_MS,
      killSignal: 'SIGKILL',
    });
    return JSON.parse(stdout) as Versions;
  } catch {
    return undefined;
  }
}

function describe(path: string, versions: Versions): FoundReferences {
  const one = (name: string, version: string | null) =>
    version ? { version } : { missing: `${name} is not installed for ${path}: ${HOW}` };
  return {
    references: {
      python: { version: versions.python },
      numpy: one('NumPy', versions.numpy),
      torch: one('PyTorch', versions.torch),
    },
    ...(versions.numpy || versions.torch ? { python: path } : {}),
  };
}

function nothing(candidates: readonly string[]): FoundReferences {
  const missing =
    candidates.length === 0
      ? 'left out, because TORCHSTONE_NO_PYTHON is set'
      : `no working Python at ${candidates.join(' or ')}: ${HOW}`;
  return { references: { python: { missing }, numpy: { missing }, torch: { missing } } };
}
