// Entry of `torchstone`: parses the arguments, runs the command, sets the exit code.

import { CannotRunError, EXIT } from '../../reports/schema/index.js';
import { addonMissing } from '../runner/addon-missing.js';
import { chooseDevice } from '../runner/device-choice.js';
import { type Arguments, readArguments, UsageError } from './args.js';
import { COMMAND_TABLE } from './commands.js';
import { helpText } from './grammar.js';
import { type Console, processConsole } from './output.js';

/** Runs the program with these words and returns its exit code. */
export async function main(words: readonly string[], to: Console = processConsole()): Promise<number> {
  let args: Arguments;
  try {
    const read = readArguments(words);
    if (read.command === undefined || read.help) {
      to.out(`${helpText(read.command)}\n`);
      return 0;
    }
    args = read;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    to.err(`torchstone: ${error.message}\n\`torchstone --help\` shows what there is.\n`);
    return EXIT.usage;
  }
  chooseDevice(args.device ?? (args.rows === 'cuda' ? 'cuda' : undefined));
  try {
    return await COMMAND_TABLE[args.command](args, to, words);
  } catch (error) {
    if (error instanceof CannotRunError || error instanceof UsageError) {
      to.err(`torchstone ${args.command}: ${error.message}\n`);
      return error instanceof CannotRunError ? error.code : EXIT.usage;
    }
    const missing = addonMissing(error);
    to.err(
      missing !== undefined
        ? `torchstone ${args.command}: ${missing}\n`
        : `torchstone ${args.command} broke: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return EXIT.usage;
  }
}
