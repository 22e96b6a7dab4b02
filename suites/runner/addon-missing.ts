// The native addon that is not there, or does not load. Loads no engine.

/** What is wrong, in a sentence; undefined where an error is about something else. */
export function addonMissing(error: unknown): string | undefined {
  if (!(error instanceof Error) || !error.message.startsWith('torchstone: required the native addon'))
    return undefined;
  return `${error.message}. \`torchstone doctor\` tells more`;
}
