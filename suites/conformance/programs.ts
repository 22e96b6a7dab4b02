// PyTorch's modules, optimizers and learning rate schedulers as cases of the conformance suite: recorded, or recorded now.
//   programCases(await recordedPrograms(), 'nn.L*')
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';
import * as torch from 'torchstone';
import { CannotRunError, type CaseResult } from '../../reports/schema/index.js';
import { idMatcher } from '../common/cases.js';
import { sizeOf } from '../common/shapes.js';
import { packageRoot } from '../runner/machine.js';
import {
  apart,
  type ModuleError,
  type ModuleRecording,
  type ModuleSample,
  replayModule,
  replayModuleError,
} from './modules.js';
import { type Arrays, arraysOf, type Precision, readPacked, type Trajectory } from './optim-recordings.js';
import { replayOptimizer } from './optimizers.js';
import { replaySchedule, type Schedule } from './schedulers.js';

/** What PyTorch's databases gave. */
export interface Programs {
  readonly modules: ModuleRecording;
  readonly trajectories: readonly Trajectory[];
  readonly trajectoryArrays: Arrays;
  readonly schedules: readonly Schedule[];
  readonly scheduleArrays: Arrays;
  /** Units in the last place that optimizers may differ by: another processor rounds some powers and roots otherwise. */
  readonly rounding: number;
}

/** A class with a dtype, or with what it must refuse. */
export interface ProgramCase {
  /** `nn.Linear@float32`, `optim.Adam@float64`, `lr_scheduler.StepLR@float64`. */
  readonly id: string;
  /** Numbers that were compared. @throws Error that says what differs */
  run(): number;
  /** Why it cannot be run at all. */
  readonly missing?: string;
}

const MODULES = join('modules', 'module-db.json.br');

/** The committed recordings; null where the fixture folder has none. */
export function recordedPrograms(fixtures: string): Programs | null {
  const file = join(fixtures, MODULES);
  if (!existsSync(file)) return null;
  return programsIn(
    JSON.parse(brotliDecompressSync(readFileSync(file)).toString()),
    join(fixtures, 'optim'),
    0,
  );
}

/** The same recorded now: PyTorch is asked. @throws CannotRunError */
export async function livePrograms(python: string): Promise<Programs> {
  const folder = mkdtempSync(join(tmpdir(), 'torchstone-programs-'));
  const script = (name: string): string => join(packageRoot(), 'suites', 'reference', name);
  const ask = promisify(execFile);
  try {
    const modules = join(folder, 'module-db.json');
    mkdirSync(join(folder, 'optim'));
    await ask(python, [script('moddb.py'), modules, '--most=2'], { maxBuffer: 1e9 });
    await ask(python, [script('make_optim.py'), folder], { maxBuffer: 1e9 });
    return programsIn(JSON.parse(readFileSync(modules, 'utf8')), join(folder, 'optim'), 4);
  } catch (error) {
    throw new CannotRunError(
      `modules and optimizers could not be recorded: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function programsIn(modules: ModuleRecording, optim: string, rounding: number): Programs {
  return {
    rounding,
    modules,
    trajectories: readPacked<Trajectory[]>('trajectories', optim),
    trajectoryArrays: arraysOf('trajectories', optim),
    schedules: readPacked<Schedule[]>('schedules', optim),
    scheduleArrays: arraysOf('schedules', optim),
  };
}

/** The cases whose ids match the filter and whose dtype is asked for. */
export function programCases(
  programs: Programs,
  filter: string | undefined,
  dtypes: readonly string[],
): ProgramCase[] {
  const patterns = filter === undefined ? [() => true] : filter.split(',').map((one) => idMatcher(one));
  const all = [...moduleCases(programs.modules), ...optimizerCases(programs), ...scheduleCases(programs)];
  return all.filter(({ id }) => {
    const [name, dtype] = id.split('@') as [string, string];
    return dtypes.includes(dtype) && patterns.some((matches) => matches(id) || matches(name));
  });
}

/** @throws Error of the first few findings */
function hold(findings: readonly string[]): void {
  if (findings.length > 0) throw new Error(findings.slice(0, 5).join('\n'));
}

function moduleCases({ cases, errors }: ModuleRecording): ProgramCase[] {
  const names = [...new Set(cases.map((one) => one.module))];
  return names.flatMap((name) => [
    ...(['float32', 'float64'] as const).map((dtype) => {
      const samples = cases.filter((one) => one.module === name && one.dtype === dtype);
      return { id: `nn.${name}@${dtype}`, run: () => replayAll(samples) };
    }),
    ...refusals(name, errors),
  ]);
}

function replayAll(samples: readonly ModuleSample[]): number {
  hold(
    samples.flatMap((one) =>
      replayModule(one).map((text) => `training=${one.training} ${one.desc}: ${text}`),
    ),
  );
  const arrays = samples.flatMap((one) => [...one.output, ...one.grads, ...Object.values(one.after)]);
  return arrays.reduce((sum, one) => sum + (one === null ? 0 : sizeOf(one[1])), 0);
}

function refusals(name: string, errors: readonly ModuleError[]): ProgramCase[] {
  const own = errors.filter((one) => one.module === name && apart(one) === undefined);
  if (own.length === 0) return [];
  const run = (): number => {
    hold(own.flatMap(replayModuleError));
    return own.length;
  };
  return [{ id: `nn.${name}@errors`, run }];
}

const PRECISIONS: Readonly<Record<string, Precision>> = { float32: 'single', float64: 'double' };

function optimizerCases({ trajectories, trajectoryArrays, rounding }: Programs): ProgramCase[] {
  const names = [...new Set(trajectories.map((one) => one.optimizer))];
  const cases = names.flatMap((name) =>
    Object.entries(PRECISIONS).map(([dtype, precision]) => {
      const own = trajectories.filter((one) => one.optimizer === name);
      const run = (): number =>
        own.reduce((sum, one) => {
          try {
            return sum + replayOptimizer(one, precision, trajectoryArrays, rounding);
          } catch (error) {
            throw new Error(`${one.id} ${JSON.stringify(one.kwargs)}: ${(error as Error).message}`);
          }
        }, 0);
      return {
        id: `optim.${name}@${dtype}`,
        run,
        ...(name in torch.optim ? {} : { missing: `there is no optim.${name}` }),
      };
    }),
  );
  const sparse = { id: 'optim.SparseAdam@float32', run: () => 0, missing: 'sparse tensors are not there' };
  return names.includes('SparseAdam') ? cases : [...cases, sparse];
}

function scheduleCases({ schedules, scheduleArrays }: Programs): ProgramCase[] {
  const names = [...new Set(schedules.map((one) => one.spec.name))].filter(
    (name) => name in torch.optim.lrScheduler,
  );
  return names.map((name) => ({
    id: `lr_scheduler.${name}@float64`,
    run: () =>
      schedules
        .filter((one) => one.spec.name === name)
        .reduce((sum, one) => {
          try {
            return sum + replaySchedule(one, scheduleArrays);
          } catch (error) {
            throw new Error(`${one.id} ${JSON.stringify(one.spec.kwargs)}: ${(error as Error).message}`);
          }
        }, 0),
  }));
}

/** Runs one case. */
export function checkProgram(one: ProgramCase, live: boolean): CaseResult {
  const started = performance.now();
  const base = { id: one.id, suite: 'conformance', compared: 0 } as const;
  if (one.missing !== undefined) return { ...base, status: 'skip', reason: one.missing, seconds: 0 };
  const replay = `npx torchstone conformance${live ? ' --live' : ''} --filter '${one.id.split('@')[0]}'`;
  try {
    const compared = one.run();
    return { ...base, compared, status: 'pass', seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...base, status: 'fail', message, replay, seconds: (performance.now() - started) / 1000 };
  }
}
