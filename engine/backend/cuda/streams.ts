// CUDA streams, events and captured graphs. Their device resources end with the objects, or with dispose().

import { type Device, type DeviceLike, deviceOfType } from '../../core/device.js';
import { ArgumentError, describe, message, RuntimeError } from '../../core/errors.js';
import { disposeSymbol } from '../../core/scope.js';
import { collectGarbage } from '../../core/storage.js';
import type { CudaAddon } from '../addon.js';
import { checked, indexOf } from './devices.js';

/** Something of the driver's, known by a number, that lives as long as this object. */
abstract class Handle {
  readonly device: Device;
  readonly #name: string;
  #id: number;
  constructor(name: string, index: number, make: (cuda: CudaAddon, owner: object) => number) {
    this.#name = name;
    this.device = deviceOfType('cuda', index);
    this.#id = checked(name, index, (cuda) => make(cuda, this));
  }
  /** @internal @throws RuntimeError after dispose() */
  get id(): number {
    if (this.#id < 0) throw new RuntimeError(message(this.#name, 'one that lives', 'one that was disposed'));
    return this.#id;
  }
  /** Calls the addon on this device; `call` is the method's name in errors. */
  protected ask<T>(call: string, of: (cuda: CudaAddon, id: number) => T): T {
    const { id } = this;
    return checked(`${this.#name}.${call}`, this.device.index!, (cuda) => of(cuda, id));
  }
  /** Gives it back now. Nothing needs it: what nobody holds is given back anyway. */
  dispose(): void {
    if (this.#id < 0) return;
    this.ask('dispose', (cuda, id) => this.end(cuda, id));
    this.#id = -1;
  }
  /** `using x = …`: the same, at the end of the block. */
  [disposeSymbol](): void {
    this.dispose();
  }
  protected abstract end(cuda: CudaAddon, id: number): void;
}

/** How many of a kind are made before garbage is collected: V8 sees small objects, and no reason to, where the driver holds much more. */
const beforeCollection = {
  stream: { most: 32, type: 'major' },
  event: { most: 1024, type: 'minor' },
  graph: { most: 8, type: 'major' },
} as const;
const made = { stream: 0, event: 0, graph: 0 };
function make(kind: keyof typeof made): void {
  const { most, type } = beforeCollection[kind];
  made[kind]++;
  if (made[kind] % most === 0) collectGarbage(type);
}

/** The stream in use on each device: 0, the default one, where none is here. */
const current = new Map<number, number>();

/** A queue of work on a device: what is put in runs in order, beside other streams. */
export class Stream extends Handle {
  /** How many calls of `cuda.stream` are under way with it. @internal */
  uses = 0;
  constructor(on?: DeviceLike | number) {
    make('stream');
    super('cuda.Stream', indexOf('cuda.Stream', on), (cuda, owner) => cuda.streamCreate(owner));
  }
  /** Waits until all work put in so far is done. @throws what a kernel failed with */
  synchronize(): void {
    this.ask('synchronize', (cuda, id) => cuda.streamSynchronize(id));
  }
  /** Whether all work put in so far is done. */
  query(): boolean {
    return this.ask('query', (cuda, id) => cuda.streamQuery(id));
  }
  /** Later work on this stream begins after the event. */
  waitEvent(event: Event): void {
    this.ask('waitEvent', (cuda, id) => cuda.streamWaitEvent(id, event.id));
  }
  /** @throws RuntimeError where work is being put in */
  protected end(cuda: CudaAddon, id: number): void {
    if (this.uses > 0)
      throw new RuntimeError(
        message('cuda.Stream.dispose', 'a stream that is not in use', 'one within cuda.stream'),
      );
    cuda.streamDestroy(id);
  }
}

/** Runs `body` with its work put into `on`. */
export function onStream<T>(on: Stream, body: () => T): T {
  if (!(on instanceof Stream)) throw new ArgumentError(message('cuda.stream', 'a Stream', describe(on)));
  const index = on.device.index!;
  const before = current.get(index) ?? 0;
  const use = (id: number): void => {
    checked('cuda.stream', index, (cuda) => cuda.streamUse(id));
    current.set(index, id);
  };
  use(on.id);
  on.uses++;
  try {
    return body();
  } finally {
    on.uses--;
    use(before);
  }
}

/** A mark in a stream, for timing and for order between streams. */
export class Event extends Handle {
  constructor(on?: DeviceLike | number) {
    make('event');
    super('cuda.Event', indexOf('cuda.Event', on), (cuda, owner) => cuda.eventCreate(owner));
  }
  /** Marks the work put into the stream so far: the current one where none is named. */
  record(stream?: Stream): void {
    const into = stream === undefined ? (current.get(this.device.index!) ?? 0) : stream.id;
    this.ask('record', (cuda, id) => cuda.eventRecord(id, into));
  }
  synchronize(): void {
    this.ask('synchronize', (cuda, id) => cuda.eventSynchronize(id));
  }
  query(): boolean {
    return this.ask('query', (cuda, id) => cuda.eventQuery(id));
  }
  /** Milliseconds from this event to a later one; both have happened. */
  elapsedTime(end: Event): number {
    return this.ask('elapsedTime', (cuda, id) => cuda.eventElapsed(id, end.id));
  }
  protected end(cuda: CudaAddon, id: number): void {
    cuda.eventDestroy(id);
  }
}

/** A step, captured once: every call of `replay` runs its kernels again on the same memory. Made by `cuda.graph`. */
export class Graph<T> extends Handle {
  /** What the captured call returned: its tensors hold the last replay's values, and outlive the graph. */
  readonly result: T;
  /** A function of its own, so that who keeps it alone keeps the graph. */
  readonly replay: () => T;
  /** @internal Ends the capture that is under way. */
  constructor(index: number, result: T) {
    super('cuda.graph', index, (cuda, owner) => cuda.graphEnd(owner));
    this.result = result;
    this.replay = () => {
      this.ask('replay', (cuda, id) => cuda.graphLaunch(id));
      return this.result;
    };
  }
  protected end(cuda: CudaAddon, id: number): void {
    cuda.graphDestroy(id);
  }
}

/**
 * Captures what `fn` launches, without running it, to be replayed without the cost of its calls. `fn` must not read values
 * back (`item`, printing); new inputs are copied into the tensors that it reads. After torch.cuda.graph.
 */
export function graph<T>(fn: () => T, on?: DeviceLike | number): Graph<T> {
  const index = indexOf('cuda.graph', on);
  make('graph');
  checked('cuda.graph', index, (cuda) => cuda.graphBegin());
  let result: T;
  try {
    result = fn();
  } catch (error) {
    try {
      new Graph(index, null).dispose();
    } catch {
      // The first error says why.
    }
    throw error;
  }
  return new Graph(index, result);
}
