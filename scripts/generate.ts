// Generator of engine/generated/: one function, method and in-place method for each declared op, with types, overloads, options
// interfaces and doc comments from its declaration. `npm run generate`.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { camelCase } from '../engine/core/options.js';
import { kindWords } from '../engine/registry/arguments.js';
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

/** The TypeScript type of a parameter: its choices where it has them, its own type where it says one, else its kind's. */
const typeOf = (p: Param): string =>
  p.type ?? (p.choices === undefined ? types[p.kind] : p.choices.values.map((c) => `'${c}'`).join(' | '));

const reserved = new Set(['var', 'default', 'delete', 'in', 'with', 'function', 'class', 'new']);

/** The identifier of a name: `linalg.det` is `linalg_det`, in a file where nothing else has underscores. */
const safe = (name: string): string => (reserved.has(name) ? `${name}$` : name.replaceAll('.', '_'));
/** The identifier of a module: `views/permute-expand` is `views_permute_expand`. */
const moduleName = (module: string): string => module.replace(/[^\w]/g, '_');
const nullable = (p: Param): string => (p.default === null ? `${typeOf(p)} | null` : typeOf(p));

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

/** `Conv2dOptions`: the parameters of an op by name. */
const optionsName = (op: Op): string =>
  `${op.name
    .split('.')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')}Options`;

const isOptional = (p: Param): boolean => p.default !== undefined;

/** The parameters that an options object may name: all but the first tensor, which a call always has in its place. */
function optionsInterface(op: Op): string {
  const named = op.params.filter((p, i) => i > 0 || p.kind !== 'tensor');
  if (named.length === 0) return '';
  const fields = named.map((p) => {
    const standing = p.default === undefined ? '' : ` Default: ${JSON.stringify(p.default)}.`;
    return `  /** ${p.doc ?? describeKind(p)}${standing} */\n  ${camelCase(p.name)}?: ${nullable(p)} | undefined;`;
  });
  return `/** The parameters of \`${op.name}\` by name. */\nexport interface ${optionsName(op)} {\n${fields.join('\n')}\n}\n`;
}

/** What a parameter takes, in words. */
function describeKind(p: Param): string {
  if (p.choices !== undefined) return `One of ${p.choices.values.map((c) => `'${c}'`).join(', ')}.`;
  return `${kindWords[p.kind].charAt(0).toUpperCase()}${kindWords[p.kind].slice(1)}.`;
}

const declare = (p: Param, required: boolean): string =>
  `${safe(camelCase(p.name))}${required ? '' : '?'}: ${nullable(p)}`;

/**
 * The signatures of a call whose first `lead` parameters are given otherwise: all positional; and for each number of positional
 * arguments, the others named in an options object.
 */
function signatures(op: Op, lead: number, result: string): string[] {
  const params = op.params.slice(lead);
  const positional = params.filter((p) => p.keyword !== true);
  const keyword = params.filter((p) => p.keyword === true);
  // What stands before a required parameter must be given, if only as null.
  const lastRequired = positional.findLastIndex((p) => !isOptional(p));
  const needed = keyword.filter((p) => !isOptional(p)).map((p) => `'${camelCase(p.name)}'`);
  const options = (more: readonly string[] = []): string => {
    const must = [...needed, ...more];
    return must.length === 0
      ? optionsName(op)
      : `${optionsName(op)} & Required<Pick<${optionsName(op)}, ${must.join(' | ')}>>`;
  };
  const all = positional.map((p, i) => declare(p, i <= lastRequired));
  const found: string[] = [];
  if (needed.length === 0) found.push(`(${all.join(', ')}): ${result}`);
  const least = lead === 0 && positional[0]?.kind === 'tensor' ? 1 : 0;
  for (let k = positional.length; k >= least; k--) {
    const rest = positional.slice(k);
    if (rest.length === 0 && keyword.length === 0) continue;
    // Some of several required parameters by name, others not: accepted, but no signature of its own.
    if (k <= lastRequired && k !== least) continue;
    const more = rest.filter((p) => !isOptional(p)).map((p) => `'${camelCase(p.name)}'`);
    const before = positional.slice(0, k).map((p) => declare(p, true));
    found.push(`(${[...before, `options: ${options(more)}`].join(', ')}): ${result}`);
  }
  return found;
}

/** The same for a size that ends the positional parameters and may be spread: `zeros(3, 2)`, `x.view([2, 3])`. */
function sizeSignatures(op: Op, lead: number, result: string): string[] {
  const positional = op.params.slice(lead).filter((p) => p.keyword !== true);
  const before = positional
    .slice(0, -1)
    .map((p) => `${declare(p, true)}, `)
    .join('');
  const options = op.params.some((p) => p.keyword === true);
  const name = safe(camelCase(positional.at(-1)!.name));
  return [
    `(${before}${name}: readonly number[]${options ? `, options?: ${optionsName(op)}` : ''}): ${result}`,
    `(${before}...${name}: number[]): ${result}`,
    ...(options ? [`(${before}...${name}: [...number[], ${optionsName(op)}]): ${result}`] : []),
    `(${before}options: ${optionsName(op)}): ${result}`,
  ];
}

/** The same for a list that may be spread: `blockDiag(a, b)`, `blockDiag([a, b])`. */
function listSignatures(op: Op, result: string): string[] {
  const last = op.params.findLast((p) => p.keyword !== true)!;
  const member = last.kind === 'any' ? `(${nullable(last)})[number]` : 'Tensor';
  const before = op.params
    .filter((p) => p.keyword !== true && p !== last)
    .map((p) => `${declare(p, true)}, `)
    .join('');
  const name = safe(camelCase(last.name));
  const options = op.params.some((p) => p.keyword === true) ? `, ${optionsName(op)}` : '';
  return [
    ...signatures(op, 0, result),
    `(${before}...${name}: readonly ${member}[]): ${result}`,
    ...(options === '' ? [] : [`(${before}...${name}: readonly [...${member}[]${options}]): ${result}`]),
  ];
}

const lastPositional = (op: Op, lead: number): Param | undefined =>
  op.params.slice(lead).findLast((p) => p.keyword !== true);
const endsWithSize = (op: Op, lead: number): boolean => lastPositional(op, lead)?.kind === 'size';
/** Ops with signatures of their own say themselves what they take. */
const endsWithList = (op: Op, lead: number): boolean =>
  op.def.signatures === undefined &&
  (lastPositional(op, lead)?.variadic === true || lastPositional(op, lead)?.kind === 'tensorOrTensors');

function docComment(op: Op, indent: string, lead = 0): string {
  const lines = [
    op.def.doc,
    ...op.params.slice(lead).map((p) => {
      const standing = p.default === undefined ? '' : ` Default: ${JSON.stringify(p.default)}.`;
      return `@param ${safe(camelCase(p.name))} ${p.doc ?? describeKind(p)}${standing}`;
    }),
    '@throws TypeError for arguments of the wrong kind, unknown or surplus ones; RuntimeError for shapes, dtypes and devices that do not fit.',
    `@see PyTorch: ${op.torch}.${op.def.notDifferentiable === undefined ? '' : ` Not differentiable: ${op.def.notDifferentiable}.`}`,
  ];
  return `${indent}/**\n${lines.map((l) => `${indent} * ${l}\n`).join('')}${indent} */\n`;
}

const resultOf = (op: Op): string => op.def.returns ?? 'Tensor';

/**
 * The test that a positional argument is no options object. By the parameter's kind, since this is most of what the call
 * convention costs a small op (a look at the last of `arguments` instead: 15 ns more for `x.add(y)` and 100 for `x.sum()`).
 */
function plainTest(p: Param, name: string): string {
  switch (p.kind) {
    case 'tensor':
    case 'tensorOrScalar':
      return `!(${name} instanceof Tensor) && typeof ${name} === 'object'`;
    case 'int':
    case 'scalar':
    case 'bool':
    case 'string':
      return `typeof ${name} === 'object'`;
    default:
      return `isOptions(${name})`;
  }
}

/**
 * The body of a call. Positional arguments go straight to the op, which checks them; a count that does not fit or an options
 * object at the end takes the long way.
 */
function bodyOf(op: Op, target: string, callee: string, lead: number): { params: string; body: string } {
  const self = lead === 1 ? ['this'] : [];
  if (endsWithSize(op, lead)) {
    const alone = op.params.slice(lead).filter((p) => p.keyword !== true).length === 1;
    const fast = alone
      ? `const size = sizeAlone(args);\n  if (size !== null) return ${target}(${[...self, 'size'].join(', ')});\n  `
      : '';
    return {
      params: '...args: readonly unknown[]',
      body: `${fast}return ${target}(...bindSizeCall(${callee}, [${self.join(', ')}], args))`,
    };
  }
  if (endsWithList(op, lead)) {
    return {
      params: '...args: readonly unknown[]',
      body: `return ${target}(...bindListCall(${callee}, [${self.join(', ')}], args))`,
    };
  }
  const positional = op.params.slice(lead).filter((p) => p.keyword !== true);
  const names = [...positional.map((p) => safe(camelCase(p.name))), 'more'];
  const most = positional.length;
  const params = names.map((name) => `${name}?: unknown`).join(', ');
  const passed = [...self, ...names.slice(0, -1)];
  const given = `[${[...self, ...names].join(', ')}]`;
  const long = `${target}(...bindCall(${callee}, ${given}, arguments.length${lead === 1 ? ' + 1' : ''}, ${lead}))`;
  const tests = positional.map((p, i) => {
    const test = plainTest(p, names[i]!);
    return test.includes('&&') ? `(${test})` : test;
  });
  const named = [`arguments.length > ${most}`, ...tests].join(' || ');
  return { params, body: `return ${named}\n    ? ${long}\n    : ${target}(${passed.join(', ')})` };
}

function functionText(f: Found): string {
  const { op } = f;
  const target = `($${moduleName(f.module)}.${f.exported}.impl as Loose)`;
  const callee = `$${moduleName(f.module)}.${f.exported}`;
  const name = safe(op.name);
  const exported = name === op.name ? 'export ' : '';
  const tail = name === op.name || op.name.includes('.') ? '' : `\nexport { ${name} as ${op.name} };`;
  const own = op.def.signatures?.map((o) =>
    o.replace('(', '(input: Tensor, ').replace('(input: Tensor, )', '(input: Tensor)'),
  );
  const result = resultOf(op);
  const heads =
    own ??
    (endsWithSize(op, 0)
      ? sizeSignatures(op, 0, result)
      : endsWithList(op, 0)
        ? listSignatures(op, result)
        : signatures(op, 0, result));
  const { params, body } = bodyOf(op, target, callee, 0);
  return `${docComment(op, '')}${heads.map((h) => `${exported}function ${name}${h};\n`).join('')}${exported}function ${name}(${params}): unknown {\n  ${body};\n}${tail}`;
}

interface Method {
  readonly declaration: string;
  readonly installation: string;
}

function methodText(f: Found, inplace: boolean): Method {
  const { op } = f;
  const name = inplace && !op.name.endsWith('_') ? `${op.name}_` : op.name;
  const target = `($${moduleName(f.module)}.${f.exported}.${inplace ? 'inplace' : 'impl'} as Loose)`;
  const callee = `$${moduleName(f.module)}.${f.exported}`;
  const result = inplace ? 'this' : resultOf(op);
  const own = inplace ? undefined : op.def.signatures;
  const heads = own ?? (endsWithSize(op, 1) ? sizeSignatures(op, 1, result) : signatures(op, 1, result));
  const doc = docComment(op, '    ', 1);
  const { params, body } = bodyOf(op, target, callee, 1);
  return {
    declaration: `${doc}${heads.map((h) => `    ${name}${h};`).join('\n')}`,
    installation: `proto.${name} = function (this: Tensor, ${params}): unknown {\n  ${body};\n};`,
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
    ['bindCall', "import { bindCall } from '../registry/calls.js';"],
    ['bindListCall', "import { bindListCall } from '../registry/calls.js';"],
    ['bindSizeCall', "import { bindSizeCall } from '../registry/calls.js';"],
    ['sizeAlone', "import { sizeAlone } from '../registry/calls.js';"],
    ['isOptions', "import { isOptions } from '../core/options.js';"],
    ['Extremes', "import type { Extremes } from '../registry/define.js';"],
    ['Size', "import type { Size } from '../core/tensor.js';"],
    ['Loose', "import type { Loose } from '../registry/define.js';"],
    ['Generator', "import type { Generator } from '../core/random.js';"],
  ];
  const code = body.replace(/\/\*[\s\S]*?\*\//g, '');
  const used = candidates.filter(([name]) =>
    new RegExp(`(?<![\\w$])${name.replace('$', '\\$')}(?![\\w$])`).test(code),
  );
  return `${used.map(([, line]) => `${line}\n`).join('')}${tensorImport}\n`;
}

/** A Python path as a public name here: without `torch.`, the last part in camelCase; null for `__radd__` and its like. */
function publicName(path: string): string | null {
  const parts = path.replace(/^torch\./, '').split('.');
  const last = parts.pop()!;
  return last.startsWith('_') ? null : [...parts, camelCase(last)].join('.');
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

/** The options interfaces that `body` uses, as an import. */
function optionsImport(found: readonly Found[], body: string): string {
  const used = new Set(body.match(/\b\w+Options\b/g));
  const names = [...new Set(found.map((f) => optionsName(f.op)))].filter((name) => used.has(name)).sort();
  return `import type { ${names.join(', ')} } from './options.js';\n`;
}

/** The options interfaces of all ops. */
function optionsFile(found: readonly Found[]): string {
  const body = found.map((f) => optionsInterface(f.op)).join('\n');
  const scalars = "import type { Scalar, Tensor } from '../core/tensor.js';";
  return `${banner}${importsFor(body, [], scalars)}\n${body}`;
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
  const scalars = "import { type Scalar, Tensor } from '../core/tensor.js';";
  return `${banner}${importsFor(body, modules, scalars)}${optionsImport(found, body)}\nexport type * from './options.js';\n${body}`;
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

const proto = Tensor.prototype as unknown as Record<string, unknown>;
${methods.map((m) => m.installation).join('\n')}
`;
  const scalars = "import { type Scalar, Tensor } from '../core/tensor.js';";
  return `${banner}${importsFor(body, modules, scalars)}${optionsImport(found, body)}\n${body}`;
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
writeIfChanged(join(outFolder, 'options.ts'), optionsFile(found));
writeIfChanged(join(outFolder, 'functions.ts'), functionsFile(found, modules));
writeIfChanged(join(outFolder, 'methods.ts'), methodsFile(found, modules));
console.log(`generated ${found.length} ops from ${modules.length} modules`);
