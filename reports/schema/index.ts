// The only schema of what a run produced. Suites yield these objects, reports are functions of them.
// Nothing here may import a suite, a report or the engine.
export * from './cases.js';
export * from './findings.js';
export * from './outcome.js';
export * from './parts.js';
export * from './peers.js';
export * from './programs.js';
export * from './run.js';
export * from './timing.js';
