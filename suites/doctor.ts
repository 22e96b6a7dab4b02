// Says what this machine can do and how far its timings can be trusted. It only looks, and it fails at nothing.
import { loadavg } from 'node:os';
import type { FoundReferences } from './cli/references.js';
import { type AddonFacts, addonFacts, instructionSets, machineFacts, timerResolution } from './machine.js';
import { INSTALL, installed, PEERS, peersFolder } from './peers/catalogue.js';
import type { Machine, Reference } from './results.js';

/** One line of the doctor's report. */
export interface Finding {
  readonly topic: string;
  readonly state: 'good' | 'warning' | 'bad';
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** What the doctor is given to look at. */
export interface DoctorOptions {
  readonly fixtures: string;
  readonly references: FoundReferences;
  /** Checks the fixture folder; resolves to what it found, rejects with what is wrong. */
  readonly checkFixtures: (folder: string) => Promise<string>;
}

/** Examines the machine and the build. Everything held when no finding is `bad`. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const machine = await machineFacts();
  const addon = await addonFacts();
  return [
    nodeFinding(),
    machineFinding(machine),
    addonFinding(addon),
    { topic: 'instruction sets', state: 'good', text: instructionText(addon) },
    ...referenceFindings(options.references),
    await fixtureFinding(options),
    peersFinding(),
    gpuFinding(),
    timerFinding(),
    loadFinding(machine),
    noiseFinding(),
  ];
}

/** Nobody needs them: that they are missing is no remark. */
function peersFinding(): Finding {
  const folder = peersFolder();
  const told = PEERS.map((peer) => ({ peer, found: installed(peer, folder) }));
  const here = told.flatMap(({ peer, found }) =>
    'version' in found ? [`${peer.name} ${found.version}`] : [],
  );
  const none = `none installed; to hold the same calls against other JavaScript engines: ${INSTALL}`;
  return { topic: 'peers', state: 'good', text: here.length > 0 ? here.join(', ') : none };
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const good = major > 20 || (major === 20 && minor >= 17);
  return {
    topic: 'node',
    state: good ? 'good' : 'bad',
    text: `${process.version}, V8 ${process.versions.v8}`,
    ...(good ? {} : { advice: 'Torchstone needs Node 20.17 or newer' }),
  };
}

function machineFinding(machine: Machine): Finding {
  const gib = (machine.memory / 2 ** 30).toFixed(1);
  const text = `${machine.cpu}, ${machine.cores} cores, ${gib} GiB, ${machine.os}`;
  return { topic: 'machine', state: 'good', text };
}

function addonFinding(addon: AddonFacts): Finding {
  if (addon.missing !== undefined) {
    return {
      topic: 'addon',
      state: 'bad',
      text: addon.missing,
      advice: 'build it: npm run build:native (npm start does it too)',
    };
  }
  const sleef = addon.sleef ? 'with SLEEF' : 'without SLEEF';
  const text = `${addon.path}: ${addon.isa} kernels, ${addon.threads} threads, ${sleef}, ${addon.compiler}`;
  return { topic: 'addon', state: 'good', text };
}

function instructionText(addon: AddonFacts): string {
  const sets = instructionSets();
  return `${sets.length > 0 ? sets.join(', ') : 'the system does not tell'}; chosen: ${addon.isa}`;
}

function referenceFindings({ references, python }: FoundReferences): Finding[] {
  const one = (topic: string, reference: Reference): Finding =>
    reference.version
      ? { topic, state: 'good', text: reference.version }
      : {
          topic,
          state: 'warning',
          text: reference.missing ?? 'missing',
          advice: 'without it the fixtures still work; only the live race needs it',
        };
  const where = python ? [{ topic: 'reference', state: 'good', text: python } as const] : [];
  return [
    ...where,
    one('python', references.python),
    one('numpy', references.numpy),
    one('torch', references.torch),
  ];
}

async function fixtureFinding({ fixtures, checkFixtures }: DoctorOptions): Promise<Finding> {
  try {
    return { topic: 'fixtures', state: 'good', text: await checkFixtures(fixtures) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { topic: 'fixtures', state: 'bad', text, advice: 'restore them: git checkout -- fixtures' };
  }
}

function gpuFinding(): Finding {
  return { topic: 'gpu', state: 'good', text: 'not in this build: every tensor lives on the CPU' };
}

function timerFinding(): Finding {
  const { stepNs, readNs } = timerResolution();
  const coarse = stepNs > 1000;
  return {
    topic: 'timer',
    state: coarse ? 'warning' : 'good',
    text: `smallest step ${stepNs.toFixed(0)} ns, one reading ${readNs.toFixed(0)} ns`,
    ...(coarse ? { advice: 'short calls are timed in larger batches here' } : {}),
  };
}

function loadFinding(machine: Machine): Finding {
  const [now = 0] = loadavg();
  const busy = now > 0.5 * machine.cores;
  return {
    topic: 'load',
    state: busy ? 'warning' : 'good',
    text: `${now.toFixed(2)} on ${machine.cores} cores`,
    ...(busy ? { advice: 'other programs are running: timings will scatter' } : {}),
  };
}

/** Times one fixed piece of work again and again: the scatter is what any timing here must be expected to show. */
function noiseFinding(): Finding {
  const samples: number[] = [];
  for (let i = 0; i < 60; i++) samples.push(fixedWork());
  const kept = samples.slice(20).sort((a, b) => a - b);
  const median = kept[kept.length >> 1] ?? 1;
  const low = kept[Math.floor(kept.length * 0.1)] ?? median;
  const high = kept[Math.floor(kept.length * 0.9)] ?? median;
  const scatter = ((high - low) / 2 / median) * 100;
  const noisy = scatter > 5;
  return {
    topic: 'accuracy',
    state: noisy ? 'warning' : 'good',
    text: `one timing scatters by ±${scatter.toFixed(1)} % now (10th to 90th percentile of a fixed loop)`,
    ...(noisy ? { advice: 'quiet the machine before believing small differences' } : {}),
  };
}

function fixedWork(): number {
  const start = process.hrtime.bigint();
  let sum = 0;
  for (let i = 1; i < 400_000; i++) sum += 1 / i;
  const spent = Number(process.hrtime.bigint() - start);
  // The sum is used, so that the loop cannot be removed.
  return sum > 0 ? spent : 0;
}
