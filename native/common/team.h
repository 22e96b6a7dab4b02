// Teams of threads: how many this process may have. `context.threads = usableThreads(wanted);` before the first kernel.
#pragma once

namespace torchstone {

// `wanted`, or fewer where the system does not let so many be made. OpenMP's runtime ends the process where it cannot make a thread
// of a team; so threads are made and joined first, and its own right after.
int usableThreads(int wanted);

}  // namespace torchstone
