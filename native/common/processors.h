// How many processors this process may use.
#pragma once

namespace torchstone {

// Those that its affinity allows, and no more than the quota of its control group pays for (rounded up); at least 1.
int usableProcessors();

// Processors' worth of time that the process's control group and those around it may use, 0 where nothing limits it. `membership` is
// /proc/self/cgroup, `mount` /sys/fs/cgroup.
double processorQuota(const char* membership, const char* mount);

}  // namespace torchstone
