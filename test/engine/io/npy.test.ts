// .npy: files that NumPy wrote, round trips, and every way a file can be wrong. The base64 texts are NumPy 2.4.6's.
import { describe, expect, it } from 'vitest';
import type { NpyArray, NpyData, NpyDtype, NpySource } from '../../../engine/io/npy.js';
import { NpyError, parseNpy, serializeNpy } from '../../../engine/io/npy.js';

type Written = readonly [string, NpyDtype, readonly number[], readonly (number | bigint)[], string];

// biome-ignore format: one file a line
const WRITTEN_BY_NUMPY: readonly Written[] = [
  ['int8', 'int8', [2, 3], [-128, 0, 1, 2, 3, 127], 'k05VTVBZAQB2AHsnZGVzY3InOiAnfGkxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqAAAECA38='],
  ['uint8', 'uint8', [2, 3], [0, 0, 1, 2, 3, 255], 'k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAECA/8='],
  ['int16', 'int16', [2, 3], [-32768, 0, 1, 2, 3, 32767], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAgAAAAQACAAMA/38='],
  ['int32', 'int32', [2, 3], [-2147483648, 0, 1, 2, 3, 2147483647], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAACAAAAAAAEAAAACAAAAAwAAAP///38='],
  ['int64', 'int64', [2, 3], [-9223372036854775808n, 0n, 1n, 2n, 3n, 9223372036854775807n], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAgAAAAAAAAAAAAQAAAAAAAAACAAAAAAAAAAMAAAAAAAAA/////////38='],
  ['uint16', 'uint16', [2, 3], [0, 0, 1, 2, 3, 65535], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPHUyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAQACAAMA//8='],
  ['uint32', 'uint32', [2, 3], [0, 0, 1, 2, 3, 4294967295], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPHU0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAEAAAACAAAAAwAAAP////8='],
  ['uint64', 'uint64', [2, 3], [0n, 0n, 1n, 2n, 3n, 18446744073709551615n], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPHU4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAACAAAAAAAAAAMAAAAAAAAA//////////8='],
  ['bool', 'bool', [2, 3], [1, 0, 1, 0, 0, 1], 'k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAEAAAE='],
  ['float16', 'float16', [2, 3], [0x3e00, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x7bff], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgCAAHwA/AB+/3s='],
  ['float32', 'float32', [2, 3], [1.5, -0, Infinity, -Infinity, NaN, 65504], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAMA/AAAAgAAAgH8AAID/AADAfwDgf0c='],
  ['float64', 'float64', [2, 3], [1.5, -0, Infinity, -Infinity, NaN, 65504], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAD4PwAAAAAAAACAAAAAAAAA8H8AAAAAAADw/wAAAAAAAPh/AAAAAAD870A='],
  ['complex64', 'complex64', [2, 3], [1.5, -2, 0, 0, 0, 1, Infinity, -0, -1, 0, 2.25, 0], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGM4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAMA/AAAAwAAAAAAAAAAAAAAAAAAAgD8AAIB/AAAAgAAAgL8AAAAAAAAQQAAAAAA='],
  ['complex128', 'complex128', [2, 3], [1.5, -2, 0, 0, 0, 1, Infinity, -0, -1, 0, 2.25, 0], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGMxNicsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAD4PwAAAAAAAADAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA8D8AAAAAAADwfwAAAAAAAACAAAAAAAAA8L8AAAAAAAAAAAAAAAAAAAJAAAAAAAAAAAA='],
  ['big-endian >i2', 'int16', [2, 3], [0, 1, 2, 3, 4, 5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmkyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAABAAIAAwAEAAU='],
  ['big-endian >i4', 'int32', [2, 3], [0, 1, 2, 3, 4, 5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAQAAAAIAAAADAAAABAAAAAU='],
  ['big-endian >i8', 'int64', [2, 3], [0n, 1n, 2n, 3n, 4n, 5n], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAIAAAAAAAAAAwAAAAAAAAAEAAAAAAAAAAU='],
  ['big-endian >f2', 'float16', [2, 3], [0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAADwAQABCAEQARQA='],
  ['big-endian >f4', 'float32', [2, 3], [0, 1, 2, 3, 4, 5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAP4AAAEAAAABAQAAAQIAAAECgAAA='],
  ['big-endian >f8', 'float64', [2, 3], [0, 1, 2, 3, 4, 5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAD/wAAAAAAAAQAAAAAAAAABACAAAAAAAAEAQAAAAAAAAQBQAAAAAAAA='],
  ['big-endian >c8', 'complex64', [2, 3], [0, 1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmM4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAP4AAAD+AAAA/gAAAQAAAAD+AAABAQAAAP4AAAECAAAA/gAAAQKAAAD+AAAA='],
  ['big-endian >c16', 'complex128', [2, 3], [0, 1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmMxNicsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAD/wAAAAAAAAP/AAAAAAAAA/8AAAAAAAAEAAAAAAAAAAP/AAAAAAAABACAAAAAAAAD/wAAAAAAAAQBAAAAAAAAA/8AAAAAAAAEAUAAAAAAAAP/AAAAAAAAA='],
  ['fortran u1', 'uint8', [2, 3], [0, 1, 2, 3, 4, 5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAwEEAgU='],
  ['fortran f2', 'float16', [2, 3], [0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAABCADwARABAAEU='],
  ['fortran f4', 'float32', [2, 3], [0, 1, 2, 3, 4, 5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAABAQAAAgD8AAIBAAAAAQAAAoEA='],
  ['fortran f8', 'float64', [2, 3], [0, 1, 2, 3, 4, 5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAhAAAAAAAAA8D8AAAAAAAAQQAAAAAAAAABAAAAAAAAAFEA='],
  ['fortran c16', 'complex128', [2, 3], [0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGMxNicsICdmb3J0cmFuX29yZGVyJzogVHJ1ZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAACEAAAAAAAAAAAAAAAAAAAPA/AAAAAAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAABRAAAAAAAAAAAA='],
  ['fortran 2x3x2', 'int32', [2, 3, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgMiksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAABgAAAAIAAAAIAAAABAAAAAoAAAABAAAABwAAAAMAAAAJAAAABQAAAAsAAAA='],
  ['fortran big-endian', 'float64', [2, 3], [0, 1, 2, 3, 4, 5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPmY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAEAIAAAAAAAAP/AAAAAAAABAEAAAAAAAAEAAAAAAAAAAQBQAAAAAAAA='],
  ['scalar', 'float64', [], [2.5], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAEQA=='],
  ['empty', 'float32', [0, 3], [], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo='],
  ['empty fortran', 'int64', [2, 0], [], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDApLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo='],
  ['vector', 'float64', [3], [0, 1, 2], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAPA/AAAAAAAAAEA='],
  ['five dims', 'float32', [1, 2, 1, 2, 1], [0, 1, 2, 3], 'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDIsIDEsIDIsIDEpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBA'],
  ['a header that just needs more room', 'uint8', [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 100], [], 'k05VTVBZAQC2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDEsIDEsIDEsIDEsIDEsIDEsIDEsIDEsIDEsIDEsIDEsIDEsIDEwMCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAK'],
  ['version 2', 'int16', [3], [0, 1, 2], 'k05VTVBZAgB0AAAAeydkZXNjcic6ICc8aTInLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAEAAgA='],
  ['version 3', 'int16', [3], [0, 1, 2], 'k05VTVBZAwB0AAAAeydkZXNjcic6ICc8aTInLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAEAAgA='],
];

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function values(data: NpyData): (number | bigint)[] {
  return [...data];
}

/** A .npy file around any header text, as no library would write it. */
function file(header: string, data: Uint8Array | number = 0, version = [1, 0]): Uint8Array {
  const text = Buffer.from(`${header}\n`, version[0] === 3 ? 'utf8' : 'latin1');
  const size = Buffer.alloc(version[0] === 1 ? 2 : 4);
  if (version[0] === 1) size.writeUInt16LE(text.length);
  else size.writeUInt32LE(text.length);
  const magic = Buffer.from([0x93, ...Buffer.from('NUMPY'), ...version]);
  const body = typeof data === 'number' ? Buffer.alloc(data) : data;
  return new Uint8Array(Buffer.concat([magic, size, text, body]));
}

function dict(descr: string, shape: string, order = 'False'): string {
  return `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
}

describe('files NumPy wrote', () => {
  it.each(WRITTEN_BY_NUMPY)('%s', (id, dtype, shape, wanted, base64) => {
    const bytes = fromBase64(base64);
    const array = parseNpy(bytes, `${id}.npy`);
    expect(array.dtype).toBe(dtype);
    expect(array.shape).toEqual(shape);
    expect(values(array.data)).toEqual(wanted);
    const rewritten = serializeNpy(array);
    const header = 10 + rewritten[8]! + 256 * rewritten[9]!;
    expect(header % 64).toBe(0);
    if (!/big-endian|fortran|version/.test(id)) expect(rewritten).toEqual(bytes);
    expect(parseNpy(rewritten)).toEqual(array);
  });
});

describe('reading', () => {
  it('gives the strides of C order, a size of 0 counting as 1', () => {
    const strides = (...shape: number[]): readonly number[] => {
      const data = new Float32Array(shape.reduce((n, size) => n * size, 1));
      return parseNpy(serializeNpy({ data, shape, dtype: 'float32' })).strides;
    };
    expect(strides()).toEqual([]);
    expect(strides(2, 3, 4)).toEqual([12, 4, 1]);
    expect(strides(2, 0, 4)).toEqual([4, 4, 1]);
  });
  it('reads a view into a larger buffer, at any alignment', () => {
    const bytes = serializeNpy({ data: Float64Array.of(1, 2), shape: [2], dtype: 'float64' });
    for (const offset of [1, 3, 8]) {
      const pool = new Uint8Array(bytes.length + 16).fill(255);
      pool.set(bytes, offset);
      expect(values(parseNpy(pool.subarray(offset, offset + bytes.length)).data)).toEqual([1, 2]);
    }
  });
  it('copies', () => {
    const bytes = serializeNpy({ data: Uint8Array.of(1, 2), shape: [2], dtype: 'uint8' });
    const { data } = parseNpy(bytes);
    bytes.fill(0);
    expect(values(data)).toEqual([1, 2]);
  });
  it('reads a header of odd length, in other quotes and another order', () => {
    const odd = file('{"shape":(2,),"descr":"<f8","fortran_order":False}', 16);
    expect(odd.length % 8).not.toBe(0);
    expect(parseNpy(odd)).toMatchObject({ dtype: 'float64', shape: [2], data: Float64Array.of(0, 0) });
  });
  it('keeps the bits of a NaN, swapped and reordered', () => {
    const bits = [0x7ff8000000000001n, 0xfff0dead0000beefn, 1n, 2n];
    const swapped = new Uint8Array(BigUint64Array.from(bits).buffer).reverse();
    const { data } = parseNpy(file(dict("'>f8'", '(2, 2)', 'True'), swapped));
    const got = new BigUint64Array(data.buffer, data.byteOffset, data.length);
    expect([...got]).toEqual([bits[3], bits[1], bits[2], bits[0]]);
  });
  it('reads bfloat16 as ml_dtypes saves it', () => {
    const array: NpyArray = parseNpy(file(dict("'<V2'", '(2,)'), Uint8Array.of(0x80, 0x3f, 0, 0xc0)));
    expect(array).toMatchObject({ dtype: 'bfloat16', data: Uint16Array.of(0x3f80, 0xc000) });
  });
});

describe('round trips', () => {
  const made: readonly (readonly [NpyDtype, (n: number) => NpyData])[] = [
    ['bool', (n) => Uint8Array.from({ length: n }, (_, i) => i % 2)],
    ['uint8', (n) => Uint8Array.from({ length: n }, (_, i) => i * 37)],
    ['int8', (n) => Int8Array.from({ length: n }, (_, i) => -i)],
    ['int16', (n) => Int16Array.from({ length: n }, (_, i) => -i * 999)],
    ['int32', (n) => Int32Array.from({ length: n }, (_, i) => -i * 99999)],
    ['int64', (n) => BigInt64Array.from({ length: n }, (_, i) => BigInt(-i) * 2n ** 58n)],
    ['uint16', (n) => Uint16Array.from({ length: n }, (_, i) => i * 999)],
    ['uint32', (n) => Uint32Array.from({ length: n }, (_, i) => i * 99999999)],
    ['uint64', (n) => BigUint64Array.from({ length: n }, (_, i) => BigInt(i) * 2n ** 59n)],
    ['float16', (n) => Uint16Array.from({ length: n }, (_, i) => 0x7c00 + i)],
    ['bfloat16', (n) => Uint16Array.from({ length: n }, (_, i) => 0x3f80 + i)],
    ['float32', (n) => Float32Array.from({ length: n }, (_, i) => i / 3)],
    ['float64', (n) => Float64Array.from({ length: n }, (_, i) => -i / 3)],
    ['complex64', (n) => Float32Array.from({ length: 2 * n }, (_, i) => i / 3)],
    ['complex128', (n) => Float64Array.from({ length: 2 * n }, (_, i) => -i / 3)],
  ];
  const shapes = [
    [],
    [1],
    [7],
    [0],
    [3, 4],
    [0, 3],
    [2, 0, 2],
    [2, 3, 4],
    [1, 1, 2, 1, 5],
    new Array(64).fill(1),
  ];
  it.each(made)('%s, every kind of shape', (dtype, make) => {
    for (const shape of shapes) {
      const data = make(shape.reduce((n, size) => n * size, 1));
      const back = parseNpy(serializeNpy({ data, shape, dtype }));
      expect(back).toMatchObject({ shape, dtype });
      expect(back.data).toEqual(data);
    }
  });
  it('writes a part of a buffer', () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    expect(values(parseNpy(serializeNpy({ data, shape: [2], dtype: 'float32' })).data)).toEqual([2, 3]);
  });
});

const good = dict("'<f4'", '(2,)');
// [what, bytes, what the message must say]
const MALFORMED: readonly (readonly [string, Uint8Array, string])[] = [
  ['no bytes', new Uint8Array(0), 'at least 10 bytes, got 0'],
  ['half a magic string', file(good, 8).subarray(0, 5), 'at least 10 bytes, got 5'],
  ['another magic string', file(good, 8).fill(0x50, 0, 1), "magic string '\\x93NUMPY', got bytes 50 4e"],
  ['version 0', file(good, 8, [0, 0]), 'version 1.0, 2.0 or 3.0, got 0.0'],
  ['version 1.1', file(good, 8, [1, 1]), 'got 1.1'],
  ['version 9.9', file(good, 8, [9, 9]), 'got 9.9'],
  ['version 2 cut off', file(good, 8, [2, 0]).subarray(0, 11), 'at least 12 bytes, got 11'],
  ['a header longer than the file', file(good).fill(255, 8, 10), 'a header of 65535 bytes'],
  ['a header of 4 GiB', file(good, 8, [2, 0]).fill(255, 8, 12), 'a header of 4294967295 bytes'],
  ['a header beyond reason', file(good + ' '.repeat(10_000), 8), 'at most 10000 bytes'],
  ['a header that ends early', file(good, 8).fill(20, 8, 9), 'required'],
  ['an empty header', file(''), "required '{' in the header"],
  ['no dict', file('hello'), "required '{' in the header"],
  ['a dict left open', file("{'descr': '<f4'", 8), "required ','"],
  ['a call in the header', file(dict("__import__('os')", '(2,)'), 8), 'one plain type string'],
  ['an escape', file(dict("'<f\\x34'", '(2,)'), 8), 'a Python dict'],
  ['words behind the dict', file(`${good} 1`, 8), 'nothing behind the dict'],
  ['a missing key', file("{'descr': '<f4', 'shape': (2,)}", 8), "'shape', got descr, shape"],
  ['no keys', file('{}', 8), 'got none'],
  ['an extra key', file(good.replace('}', "'x': 1}"), 8), 'only the header keys'],
  ['a key twice', file(good.replace('}', "'descr': '<f8'}"), 8), "'descr' twice"],
  ['an unquoted key', file('{descr: 1}', 8), 'a quoted key'],
  ['fortran_order 1', file(dict("'<f4'", '(2,)', '1'), 8), 'True or False, got "1"'],
  ['fortran_order true', file(dict("'<f4'", '(2,)', 'true'), 8), 'True or False'],
  ['a shape that is a list', file(dict("'<f4'", '[2]'), 8), 'shape to be a tuple'],
  ['a shape that is a number', file(dict("'<f4'", '(2)'), 8), 'shape to be a tuple, got (2)'],
  ['a shape without commas', file(dict("'<f4'", '(1 2)'), 8), "',' between"],
  ['a shape of floats', file(dict("'<f4'", '(2.0,)'), 8), 'a Python dict'],
  ['a shape of long ints', file(dict("'<f4'", '(2L,)'), 8), 'a Python dict'],
  ['a shape with a leading zero', file(dict("'<f4'", '(02,)'), 8), 'a Python dict'],
  ['a shape of None', file(dict("'<f4'", '(None,)'), 8), 'integers in shape'],
  ['a negative dimension', file(dict("'<f4'", '(-2,)'), 8), 'got -2 in (-2,)'],
  ['two negative dimensions', file(dict("'<f4'", '(-2, -1)'), 8), 'got -2 in'],
  ['a dimension past 2^53', file(dict("'<f4'", '(9007199254740993,)'), 8), 'dimensions from 0 to'],
  [
    'dimensions whose product overflows',
    file(dict("'<f4'", '(4294967296, 4294967296)'), 8),
    'less than 2^53',
  ],
  ['an overflow hidden by a zero', file(dict("'<f4'", '(4294967296, 4294967296, 0)')), 'less than 2^53'],
  ['65 dimensions', file(dict("'<f4'", `(${'1, '.repeat(65)})`), 4), 'at most 64 dimensions'],
  ['data cut off', file(good, 7), '8 bytes of data for shape (2,) of float32, got 7'],
  ['one item too few', file(good, 4), 'got 4'],
  ['a byte too many', file(good, 9), 'got 9'],
  ['a shape that lies', file(dict("'<f4'", '(1000, 1000)'), 24), '4000000 bytes of data'],
  ['a 0-d array without data', file(dict("'<f4'", '()')), '4 bytes of data for shape ()'],
  ['an object array', file(dict("'|O'", '(2,)'), 16), 'pickled'],
  ['strings', file(dict("'<U1'", '(2,)'), 8), "got '<U1'"],
  ['dates', file(dict("'<M8[s]'", '(1,)'), 8), "got '<M8[s]'"],
  ['long doubles', file(dict("'<f16'", '(1,)'), 16), "got '<f16'"],
  ['plain void', file(dict("'|V2'", '(1,)'), 2), "got '|V2'"],
  ['a structured dtype', file(dict("[('a', '<i4')]", '(1,)'), 4), 'got a structured dtype'],
  ['native byte order', file(dict("'=f4'", '(2,)'), 8), "'<f4' or '>f4' for float32, got '=f4'"],
  ['no byte order', file(dict("'|f4'", '(2,)'), 8), "got '|f4'"],
  ['a bare code', file(dict("'f4'", '(2,)'), 8), "got 'f4'"],
  ['an empty descr', file(dict("''", '(2,)'), 8), "got ''"],
  ['a bool of 2', file(dict("'|b1'", '(2,)'), Uint8Array.of(1, 2)), 'bool bytes 0 or 1, got 2 at element 1'],
];

describe('malformed files', () => {
  it.each(MALFORMED)('%s', (_, bytes, text) => {
    expect(() => parseNpy(bytes)).toThrow(NpyError);
    expect(() => parseNpy(bytes)).toThrow(text);
    expect(() => parseNpy(bytes, 'dir/x.npy')).toThrow(/^npy: dir\/x\.npy: required .*, got /s);
  });
});

describe('arrays that cannot be written', () => {
  const f4 = Float32Array.of(1, 2);
  const wrong: readonly (readonly [string, NpySource, string])[] = [
    ['too short', { data: f4, shape: [3], dtype: 'float32' }, '3 numbers for shape (3,), got 2'],
    ['too long', { data: f4, shape: [], dtype: 'float32' }, '1 numbers for shape (), got 2'],
    ['complex by count', { data: f4, shape: [2], dtype: 'complex64' }, '4 numbers'],
    [
      'another type',
      { data: f4, shape: [2], dtype: 'float64' },
      'Float64Array data for float64, got Float32Array',
    ],
    ['an unknown dtype', { data: f4, shape: [2], dtype: 'float8' }, "got 'float8'"],
    ['an inherited name', { data: f4, shape: [2], dtype: 'toString' }, "got 'toString'"],
    ['a negative size', { data: f4, shape: [-2], dtype: 'float32' }, 'got -2'],
    ['a fraction', { data: f4, shape: [0.5, 4], dtype: 'float32' }, 'got 0.5'],
    ['65 dimensions', { data: f4, shape: new Array(65).fill(1), dtype: 'float32' }, 'at most 64'],
    ['bool of 7', { data: Uint8Array.of(7), shape: [1], dtype: 'bool' }, 'bool bytes 0 or 1, got 7'],
  ];
  it.each(wrong)('%s', (_, array, text) => {
    expect(() => serializeNpy(array)).toThrow(NpyError);
    expect(() => serializeNpy(array)).toThrow(text);
  });
});

describe('damage of any kind', () => {
  it('is an NpyError or the whole array, never anything else', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const source = fromBase64(WRITTEN_BY_NUMPY[10]![4]);
    let refused = 0;
    for (let round = 0; round < 2000; round++) {
      const bytes = source.slice();
      for (let k = random(3); k >= 0; k--) bytes[random(bytes.length)] = random(256);
      const cut = bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length);
      try {
        const { data, shape, dtype } = parseNpy(cut);
        const parts = dtype.startsWith('complex') ? 2 : 1;
        expect(data.length).toBe(shape.reduce((n, size) => n * size, parts));
      } catch (error) {
        expect(error).toBeInstanceOf(NpyError);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});
