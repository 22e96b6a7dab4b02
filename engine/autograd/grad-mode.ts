// Grad mode: whether ops are recorded. `noGrad(() => …)`, `enableGrad`, `setGradEnabled`.

/** A one-field object, because the hot path reads it and others write it. */
export const gradMode = { enabled: true };

export function isGradEnabled(): boolean {
  return gradMode.enabled;
}
/** Sets recording for all that follows. */
export function setGradEnabled(enabled: boolean): void {
  gradMode.enabled = enabled;
}

function withMode<T>(enabled: boolean, fn: () => T): T {
  const before = gradMode.enabled;
  gradMode.enabled = enabled;
  try {
    return fn();
  } finally {
    gradMode.enabled = before;
  }
}

/** Runs `fn` without recording, and returns its result. The mode ends when `fn` returns: what an async function does after its first await is recorded again. */
export function noGrad<T>(fn: () => T): T {
  return withMode(false, fn);
}
/** Runs `fn` with recording on, also inside noGrad. */
export function enableGrad<T>(fn: () => T): T {
  return withMode(true, fn);
}
