// The `cuda` namespace without a GPU: a typed error with the reason, never a crash.
import { expect, it } from 'vitest';
import * as torch from '../../engine/index.js';

const { cuda } = torch;
const found = cuda.isAvailable();

it.skipIf(found)('is not available, for a reason', () => {
  expect(cuda.deviceCount()).toBe(0);
  expect(cuda.reason()).not.toBe('');
});

it.skipIf(found).each<[string, () => unknown]>([
  ['getDeviceName', () => cuda.getDeviceName()],
  ['getDeviceCapability', () => cuda.getDeviceCapability()],
  ['synchronize', () => cuda.synchronize()],
  ['memoryStats', () => cuda.memoryAllocated()],
  ['emptyCache', () => cuda.emptyCache()],
  ['memGetInfo', () => cuda.memGetInfo()],
  ['setLaunchBlocking', () => cuda.setLaunchBlocking(true)],
  ['Stream', () => new cuda.Stream()],
  ['Event', () => new cuda.Event()],
  ['graph', () => cuda.graph(() => 1)],
])('%s names itself and the missing device', (name, call) => {
  expect(call).toThrow(torch.RuntimeError);
  expect(call).toThrow(new RegExp(`cuda\\.${name}: required the device cuda:0, got none`));
});
