// The repository's root, for tests at any depth: `join(ROOT, 'fixtures')`.
import { resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '..', '..');
