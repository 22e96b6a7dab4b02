// The program's process: runs main and leaves with its exit code.
import { main } from './main.js';

process.exitCode = await main(process.argv.slice(2));
