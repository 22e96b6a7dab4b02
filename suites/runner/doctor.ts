// `torchstone doctor`: what this machine can do, and how far its timings can be trusted.
import type { CudaFound } from 'torchstone/internals';
import type { Machine, Reference } from '../../reports/schema/index.js';
import { INSTALL, installed, PEERS, peersFolder } from '../peers/catalogue.js';
import { timingFindings } from './doctor-timing.js';
import { type AddonFacts, addonFacts, instructionSets, machineFacts } from './machine.js';
import type { FoundReferences } from './references.js';

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
    await gpuFinding(),
    ...(await timingFindings(machine)),
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

/** The device, or where its libraries were looked for and what would bring them. */
async function gpuFinding(): Promise<Finding> {
  try {
    // Loaded late, as the addon is: without a build there is no one to ask.
    const { findCuda } = await import('torchstone/internals');
    return gpuText(findCuda());
  } catch {
    return { topic: 'gpu', state: 'good', text: 'not asked: the addon does not load' };
  }
}

/** What looking for CUDA gave. */
export function gpuText({ available, reason, devices, driver, nvrtc, cublas, looked }: CudaFound): Finding {
  const topic = 'gpu';
  if (available) {
    const cards = devices.map(
      ({ name, major, minor, memory }) =>
        `${name} (sm_${major}${minor}, ${(memory / 2 ** 30).toFixed(0)} GiB)`,
    );
    const parts = { driver, NVRTC: nvrtc, cuBLAS: cublas };
    const versions = Object.entries(parts).map(([name, version]) => `${name} ${version ?? 'not found'}`);
    return { topic, state: 'good', text: `${cards.join(', ')}; ${versions.join(', ')}` };
  }
  const places = looked.map(({ library, path, result }) => `${library} at ${path}: ${result}`);
  return {
    topic,
    state: 'good',
    text: `none: ${reason}${places.length > 0 ? ` (looked for ${places.join('; ')})` : ''}`,
    advice:
      "tensors live on the CPU. For a card: NVIDIA's driver, and NVRTC with cuBLAS from the CUDA toolkit (CUDA_HOME) or from Python packages named in TORCHSTONE_PYTHON's environment",
  };
}
