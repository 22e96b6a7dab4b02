// The list of peer libraries: names, packages, adapters, and whether they are installed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot, toolVersion } from '../runner/machine.js';

/** One peer. */
export interface Peer {
  readonly name: string;
  readonly title: string;
  /** The package whose version is told; absent for this engine itself. */
  readonly package?: string;
  /** The address of its adapter's module. */
  readonly adapter: string;
  readonly option?: string;
  /** What a reader of its figures must know. */
  readonly remark?: string;
}

const adapter = (file: string): string =>
  new URL(`./engines/${file}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url).href;

/** This engine, asked as its peers are. */
export const CONTROL: Peer = {
  name: 'torchstone',
  title: 'Torchstone, asked in the same way',
  adapter: adapter('torchstone'),
};

/** The peers, best known first. */
export const PEERS: readonly Peer[] = [
  {
    name: 'tfjs-wasm',
    title: 'TensorFlow.js, WebAssembly backend',
    package: '@tensorflow/tfjs-backend-wasm',
    adapter: adapter('tfjs'),
    option: 'wasm',
    remark: 'in one thread: under Node it starts no others',
  },
  {
    name: 'tfjs-cpu',
    title: 'TensorFlow.js, JavaScript backend',
    package: '@tensorflow/tfjs',
    adapter: adapter('tfjs'),
    option: 'cpu',
  },
  {
    name: 'jax-js',
    title: 'jax-js, WebAssembly backend',
    package: '@jax-js/jax',
    adapter: adapter('jax'),
    remark:
      'written for browsers: `einsum` wants iterator helpers (Node 22), float64 a Float16Array (Node 24)',
  },
  {
    name: 'numpy-ts',
    title: 'numpy-ts',
    package: 'numpy-ts',
    adapter: adapter('numpy-ts'),
    remark: 'asks for Node 22 or later; it also loads in Node 20',
  },
  {
    name: 'js-pytorch',
    title: 'js-pytorch',
    package: 'js-pytorch',
    adapter: adapter('js-pytorch'),
    remark: 'computes in double precision, on lists of lists of numbers; its GPU dependency is not installed',
  },
];

/** The peers of these names; all where none is named. */
export function chosenPeers(names: readonly string[] = []): readonly Peer[] {
  return names.length === 0 ? PEERS : PEERS.filter(({ name }) => names.includes(name));
}

/** The command that gets the packages of the peers. They are no dependency of this package. */
export const INSTALL = 'npm ci --prefix peers --ignore-scripts';

/** Where the peers' packages are. */
export function peersFolder(): string {
  return join(packageRoot(), 'peers');
}

/** The installed version of a peer, or why there is none. */
export function installed(peer: Peer, folder: string): { version: string } | { missing: string } {
  if (peer.package === undefined) return { version: toolVersion() };
  const at = join(folder, 'node_modules', peer.package);
  if (!existsSync(join(at, 'package.json')))
    return { missing: `${peer.package} is not installed: ${INSTALL}` };
  return { version: versionAt(at) };
}

function versionAt(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: unknown };
  return String(version);
}
