// Owns the generated part of the engine: one function, method and in-place method for each declared op, with types and
// doc comments taken from its declaration. It must not hold a list of ops.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Op, Param } from '../engine/registry/define.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const opsFolder = join(root, 'engine', 'ops');
const outFolder = join(root, 'engine', 'generated');

const types: Readonly<Record<Param['kind'], string>> = {
  tensor: 'Tensor',
  tensorOrScalar: 'Tensor | Scalar',
  tensors: 'readonly Tensor[]',
  tensorOrTensors: 'Tensor | readonly Tensor[]',
  scalar: 'Scalar',
  int: 'number',
  ints: 'number | readonly number[]',
  size: 'number | readonly number[]',
  bool: 'boolean',
  string: 'string',
  dtype: 'DTypeLike',
  device: 'DeviceLike',
  generator: 'Generator',
  any: 'unknown',
};

const reserved = new Set(['var', 'default', 'delete', 'in', 'with', 'function', 'class', 'new']);

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
/** The identifier of a name: `linalg.det` is `linalg_det`, in a file where nothing else has underscores. */
const safe = (name: string): string => (reserved.has(name) ? `${name}$` : name.replaceAll('.', '_'));
/** The identifier of a module: `views/permute-expand` is `views_permute_expand`. */
const moduleName = (module: string): string => module.replace(/[^\w]/g, '_');
const nullable = (p: Param): string => (p.default === null ? `${types[p.kind]} | null` : types[p.kind]);

interface Found {
  readonly module: string;
  readonly exported: string;
  readonly op: Op;
}

async function findOps(): Promise<Found[]> {
  const found: Found[] = [];
  const files = readdirSync(opsFolder, { recursive: true, encoding: 'utf8' }).map((file) =>
    file.replaceAll('\\', '/'),
  );
  for (const file of files.sort()) {
    if (!file.endsWith('.ts')) continue;
    const loaded = (await import(pathToFileURL(join(opsFolder, file)).href)) as Record<string, unknown>;
    for (const [exported, value] of Object.entries(loaded)) {
      if (isOp(value)) found.push({ module: file.slice(0, -3), exported, op: value });
    }
  }
  return found;
}

function isOp(value: unknown): value is Op {
  return (
    typeof value === 'object' && value !== null && 'def' in value && 'impl' in value && 'params' in value
  );
}

/** The parts of a signature: parameters as declared in TypeScript, and the arguments handed to the op in PyTorch's order. */
function signature(params: readonly Param[]): { declared: string[]; passed: string[]; spread: boolean } {
  const positional = params.filter((p) => p.keyword !== true);
  const keyword = params.filter((p) => p.keyword === true);
  const last = positional.at(-1);
  const spread = last?.kind === 'size';
  // What stands before a required parameter must be given, if only as null.
  const lastRequired = positional.findLastIndex((p) => p.default === undefined);
  const declared = positional.map((p, i) => {
    const name = safe(camel(p.name));
    return `${name}${i <= lastRequired ? '' : '?'}: ${nullable(p)}`;
  });
  const required = keyword.some((p) => p.default === undefined);
  if (keyword.length > 0) {
    const fields = keyword.map(
      (p) => `${camel(p.name)}${p.default === undefined ? '' : '?'}: ${nullable(p)} | undefined`,
    );
    declared.push(`options${required ? '' : '?'}: { ${fields.join('; ')} }`);
  }
  const passed = params.map((p) => (p.keyword === true ? `options?.${camel(p.name)}` : safe(camel(p.name))));
  return { declared, passed, spread };
}

function docComment(op: Op, indent: string): string {
  const lines = [
    op.def.doc,
    `PyTorch: ${op.torch}.${op.def.notDifferentiable === undefined ? '' : ` Not differentiable: ${op.def.notDifferentiable}.`}`,
  ];
  return `${indent}/**\n${lines.map((l) => `${indent} * ${l}\n`).join('')}${indent} */\n`;
}

const resultOf = (op: Op): string => op.def.returns ?? 'Tensor';

/** A `size` that ends the positional parameters may also be spread: `zeros(3, 2)`, `x.view(2, 3)`. */
function spreadCall(
  op: Op,
  lead: readonly string[],
  passedLead: readonly string[],
  target: string,
  thisType: string,
): string {
  const keyword = op.params.filter((p) => p.keyword === true);
  const options =
    keyword.length === 0
      ? ''
      : `{ ${keyword.map((p) => `${camel(p.name)}?: ${nullable(p)} | undefined`).join('; ')} }`;
  const forms =
    options === ''
      ? '[readonly number[]] | number[]'
      : `[readonly number[], (${options})?] | number[] | [...number[], ${options}]`;
  const passed = [...passedLead, 'size', ...keyword.map((p) => `options?.${camel(p.name)}`)];
  return `(${[...(thisType === '' ? [] : [thisType]), ...lead, `...args: ${forms}`].join(', ')}): ${resultOf(op)} {\n  const { size${options === '' ? '' : ', options'} } = splitSize${options === '' ? '' : `<${options}>`}(args);\n  return ${target}(${passed.join(', ')}) as ${resultOf(op)};\n}`;
}

function functionText(f: Found): string {
  const { op } = f;
  const sig = signature(op.params);
  const target = `($${moduleName(f.module)}.${f.exported}.impl as Loose)`;
  const name = safe(op.name);
  const exported = name === op.name ? 'export ' : '';
  const tail = name === op.name || op.name.includes('.') ? '' : `\nexport { ${name} as ${op.name} };`;
  if (sig.spread) {
    const positional = op.params.filter((p) => p.keyword !== true).slice(0, -1);
    const lead = signature(positional);
    return `${docComment(op, '')}${exported}function ${name}${spreadCall(op, lead.declared, lead.passed, target, '')}${tail}`;
  }
  const overloads = (op.def.overloads ?? []).map(
    (o) =>
      `${exported}function ${name}${o.replace('(', '(input: Tensor, ').replace('(input: Tensor, )', '(input: Tensor)')};\n`,
  );
  return `${docComment(op, '')}${overloads.join('')}${exported}function ${name}(${sig.declared.join(', ')}): ${resultOf(op)} {\n  return ${target}(${sig.passed.join(', ')}) as ${resultOf(op)};\n}${tail}`;
}

interface Method {
  readonly declaration: string;
  readonly installation: string;
}

function methodText(f: Found, inplace: boolean): Method {
  const { op } = f;
  // What is changed in place is the output.
  const params = op.params.slice(1).filter((p) => !inplace || p.name !== 'out');
  const sig = signature(params);
  const name = inplace && !op.name.endsWith('_') ? `${op.name}_` : op.name;
  const target = `($${moduleName(f.module)}.${f.exported}.${inplace ? 'inplace' : 'impl'} as Loose)`;
  const result = inplace ? 'this' : resultOf(op);
  const cast = inplace ? 'Tensor' : resultOf(op);
  const doc = docComment(op, '    ');
  if (sig.spread) {
    const positional = params.filter((p) => p.keyword !== true).slice(0, -1);
    const lead = signature(positional);
    const text = spreadCall(op, lead.declared, ['this', ...lead.passed], target, 'this: Tensor');
    const head = text.slice(0, text.indexOf(' {\n')).replace('this: Tensor, ', '');
    return { declaration: `${doc}    ${name}${head};`, installation: `proto.${name} = function ${text};` };
  }
  if (op.def.overloads !== undefined && !inplace) {
    return {
      declaration: op.def.overloads.map((o) => `${doc}    ${name}${o};`).join('\n'),
      installation: `proto.${name} = function (${['this: Tensor', ...sig.declared].join(', ')}) {\n  return ${target}(${['this', ...sig.passed].join(', ')}) as never;\n};`,
    };
  }
  return {
    declaration: `${doc}    ${name}(${sig.declared.join(', ')}): ${result};`,
    installation: `proto.${name} = function (${['this: Tensor', ...sig.declared].join(', ')}): ${cast} {\n  return ${target}(${['this', ...sig.passed].join(', ')}) as ${cast};\n};`,
  };
}

/** An op that is read without a call: `x.mT`. */
function propertyText(f: Found): Method {
  const { op } = f;
  const result = resultOf(op);
  return {
    declaration: `${docComment(op, '    ')}    readonly ${op.name}: ${result};`,
    installation: `Object.defineProperty(proto, '${op.name}', {\n  get(this: Tensor): ${result} {\n    return ($${moduleName(f.module)}.${f.exported}.impl as Loose)(this) as ${result};\n  },\n  configurable: true,\n});`,
  };
}

/** The methods that an op's aliases add: the same function under another name. */
function aliasMethods(op: Op): Method[] {
  const lists = [
    ...(op.variants.includes('method') ? [''] : []),
    ...(op.variants.includes('inplace') ? ['_'] : []),
  ];
  return (op.def.aliases ?? []).flatMap((path) => {
    const name = publicName(path.replace('torch.Tensor.', 'torch.'));
    if (name === null || name.includes('.') || name === op.name) return [];
    return lists.map((tail) => ({
      declaration: `    /** The same as ${op.name}${tail}. */\n    ${name}${tail}: Tensor['${op.name}${tail}'];`,
      installation: `proto.${name}${tail} = proto.${op.name}${tail};`,
    }));
  });
}

const banner = '// Generated by scripts/generate.ts from the op registry. Do not edit.\n';
/** The imports that `body` uses; of `Tensor` also the value, where methods are installed on it. */
function importsFor(body: string, modules: readonly string[], tensorImport: string): string {
  const candidates: readonly (readonly [string, string])[] = [
    ...modules.map(
      (m) => [`$${moduleName(m)}`, `import * as $${moduleName(m)} from '../ops/${m}.js';`] as const,
    ),
    ['DeviceLike', "import type { DeviceLike } from '../core/device.js';"],
    ['DTypeLike', "import type { DTypeLike } from '../core/dtype.js';"],
    ['splitSize', "import { splitSize } from '../registry/dims.js';"],
    ['Extremes', "import type { Extremes } from '../registry/define.js';"],
    ['Size', "import type { Size } from '../core/tensor.js';"],
    ['Loose', "import type { Loose } from '../registry/define.js';"],
    ['Generator', "import type { Generator } from '../core/random.js';"],
  ];
  const used = candidates.filter(([name]) =>
    new RegExp(`(?<![\\w$])${name.replace('$', '\\$')}(?![\\w$])`).test(body),
  );
  return `${used.map(([, line]) => `${line}\n`).join('')}${tensorImport}\n`;
}

/** A Python path as a public name here: without `torch.`, the last part in camelCase; null for `__radd__` and its like. */
function publicName(path: string): string | null {
  const parts = path.replace(/^torch\./, '').split('.');
  const last = parts.pop()!;
  return last.startsWith('_') ? null : [...parts, camel(last)].join('.');
}

/** Every public function's dotted name and the identifier that holds it, aliases included. */
function publicFunctions(found: readonly Found[]): (readonly [string, string])[] {
  const names: (readonly [string, string])[] = [];
  for (const { op } of found.filter((f) => f.op.variants.includes('function'))) {
    names.push([op.name, safe(op.name)]);
    if (op.torch.startsWith('torch.nn.functional.'))
      names.push([`nn.functional.${op.name.slice(op.name.lastIndexOf('.') + 1)}`, safe(op.name)]);
    for (const alias of op.def.aliases ?? []) {
      const name = alias.startsWith('torch.Tensor.') ? null : publicName(alias);
      if (name !== null) names.push([name, safe(op.name)]);
    }
  }
  return [...new Map(names)];
}

type Namespace = Map<string, string | Namespace>;

function namespaces(names: readonly (readonly [string, string])[]): Namespace {
  const root: Namespace = new Map();
  for (const [name, identifier] of names.filter(([n]) => n.includes('.'))) {
    const parts = name.split('.');
    let at = root;
    for (const part of parts.slice(0, -1)) {
      if (!(at.get(part) instanceof Map)) at.set(part, new Map());
      at = at.get(part) as Namespace;
    }
    at.set(parts.at(-1)!, identifier);
  }
  return root;
}

function namespaceText(value: string | Namespace): string {
  if (typeof value === 'string') return value;
  return `{ ${[...value].map(([key, inner]) => `${key}: ${namespaceText(inner)}`).join(', ')} }`;
}

function functionsFile(found: readonly Found[], modules: readonly string[]): string {
  const functions = found.filter((f) => f.op.variants.includes('function'));
  const names = publicFunctions(found);
  const declared = new Set(functions.map((f) => f.op.name));
  const aliases = names.filter(([name]) => !name.includes('.') && !declared.has(name));
  const body = `${functions.map(functionText).join('\n\n')}

${aliases.map(([name, identifier]) => `export { ${identifier} as ${name} };`).join('\n')}
${[...namespaces(names)].map(([name, inner]) => `/** torch.${name} */\nexport const ${name} = ${namespaceText(inner)};`).join('\n')}
`;
  return `${banner}${importsFor(body, modules, "import type { Scalar, Tensor } from '../core/tensor.js';")}\n${body}`;
}

function methodsFile(found: readonly Found[], modules: readonly string[]): string {
  const methods = found.flatMap((f) => [
    ...(f.op.variants.includes('method') ? [methodText(f, false)] : []),
    ...(f.op.variants.includes('inplace') ? [methodText(f, true)] : []),
    ...(f.op.variants.includes('property') ? [propertyText(f)] : []),
    ...aliasMethods(f.op),
  ]);
  const body = `declare module '../core/tensor.js' {
  interface Tensor {
${methods.map((m) => m.declaration).join('\n')}
  }
}

const proto = Tensor.prototype;
${methods.map((m) => m.installation).join('\n')}
`;
  return `${banner}${importsFor(body, modules, "import { type Scalar, Tensor } from '../core/tensor.js';")}\n${body}`;
}

/** Leaves an unchanged file alone, so that nothing downstream is rebuilt. */
function writeIfChanged(path: string, text: string): void {
  let before = '';
  try {
    before = readFileSync(path, 'utf8');
  } catch {
    // A first run has none.
  }
  if (before !== text) writeFileSync(path, text);
}

const found = await findOps();
const modules = [...new Set(found.map((f) => f.module))];
mkdirSync(outFolder, { recursive: true });
writeIfChanged(join(outFolder, 'functions.ts'), functionsFile(found, modules));
writeIfChanged(join(outFolder, 'methods.ts'), methodsFile(found, modules));
console.log(`generated ${found.length} ops from ${modules.length} modules`);
