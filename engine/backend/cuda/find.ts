// Discovery of CUDA: the driver, NVRTC and cuBLAS, looked for once, when a device is first asked for.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addon, type CudaFound } from '../addon.js';

/** Folders of Python environments, where packages bring NVRTC and cuBLAS. */
export function pythonFolders(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  const named = process.env.TORCHSTONE_PYTHON;
  const roots = [
    ...(named === undefined ? [] : [join(dirname(named), '..')]),
    ...(process.env.VIRTUAL_ENV === undefined ? [] : [process.env.VIRTUAL_ENV]),
    join(here, '..', '..', '..', '.venv'),
    join(here, '..', '..', '..', '..', '.venv'),
  ];
  const packages = roots.flatMap((root) =>
    // Debian keeps what pip installs for all users in the second place and under the second name.
    [join(root, 'lib'), join(root, 'local', 'lib')].flatMap((lib) =>
      entries(lib, 'python').flatMap((python) => [
        join(python, 'site-packages'),
        join(python, 'dist-packages'),
      ]),
    ),
  );
  return packages
    .flatMap((folder) => entries(join(folder, 'nvidia')).map((part) => join(part, 'lib')))
    .filter((folder) => existsSync(folder));
}

/** The paths of what a folder holds under names that start so; none where it is not there. */
function entries(folder: string, start = ''): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => (name.startsWith(start) ? [join(folder, name)] : []));
}

const absent = (reason: string): CudaFound => ({
  available: false,
  reason,
  devices: [],
  driver: null,
  nvrtc: null,
  cublas: null,
  looked: [],
});

let found: CudaFound | null = null;

/** What looking for CUDA gave, with every place that was tried. It is looked for once. */
export function findCuda(): CudaFound {
  if (found === null) {
    found =
      addon.cuda === undefined
        ? absent('this addon was built without CUDA')
        : addon.cuda.init(pythonFolders());
  }
  return found;
}
