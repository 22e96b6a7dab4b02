// The device that `--device` names, kept in the environment so that all processes of a run agree.
// Loads no engine: the command line reads it before it is known whether there is an addon.

const VARIABLE = 'TORCHSTONE_DEVICE';

/** Chooses the device of this process and of those that it starts. */
export function chooseDevice(name: string | undefined): void {
  if (name !== undefined) process.env[VARIABLE] = name;
}

/** The name of the chosen device, where one was chosen. */
export function chosenDevice(): string | undefined {
  return process.env[VARIABLE];
}
