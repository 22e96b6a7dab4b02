// Lazy loading of suites, so that `--help`, `report` and `doctor` work without a native build.
import { CannotRunError, type SuiteName } from '../../reports/schema/index.js';
import type { Suite } from '../common/suite.js';

const MODULES: Readonly<Record<SuiteName, () => Promise<Record<string, unknown>>>> = {
  validate: () => import('../validate/index.js'),
  gradcheck: () => import('../gradcheck/index.js'),
  notebook: () => import('../notebook/index.js'),
  bench: () => import('../bench/index.js'),
  selftest: () => import('../selftest/index.js'),
  conformance: () => import('../conformance/index.js'),
  peers: () => import('../peers/index.js'),
  fuzz: () => import('../fuzz/index.js'),
};

/** The suite of that name; a `CannotRunError` when its module does not load (an addon that is not built). */
export async function loadSuite(name: SuiteName): Promise<Suite> {
  let module: Record<string, unknown>;
  try {
    module = await MODULES[name]();
  } catch (error) {
    throw new CannotRunError(
      `the ${name} suite does not load: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const suite = Object.values(module).find(isSuite);
  if (suite === undefined) throw new CannotRunError(`the ${name} suite's module exports no suite`);
  return suite;
}

function isSuite(value: unknown): value is Suite {
  return typeof value === 'object' && value !== null && 'name' in value && 'run' in value;
}
