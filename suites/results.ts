// The only schema of what a run produced, and the interface every suite implements; its parts are in results/.
// Suites yield these objects, reports are functions of them; nothing here may import a suite, a report or the engine.
export * from './results/cases.js';
export * from './results/findings.js';
export * from './results/outcome.js';
export * from './results/parts.js';
export * from './results/peers.js';
export * from './results/run.js';
export * from './results/suite.js';
export * from './results/timing.js';
