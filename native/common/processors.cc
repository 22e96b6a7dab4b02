#include "processors.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace torchstone {
namespace {

std::string firstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Microseconds of each period, both written as numbers; 0 for no limit.
double share(const std::string& quota, const std::string& period) {
  const double used = std::atof(quota.c_str()), of = std::atof(period.c_str());
  return used > 0 && of > 0 ? used / of : 0;
}

// cgroup v2: "max 100000", or the quota and the period.
double quotaOf2(const std::string& folder) {
  const std::string line = firstLine(folder + "/cpu.max");
  const size_t space = line.find(' ');
  return space == std::string::npos ? 0 : share(line.substr(0, space), line.substr(space + 1));
}

// cgroup v1: a quota of -1 is none.
double quotaOf1(const std::string& folder) {
  return share(firstLine(folder + "/cpu.cfs_quota_us"), firstLine(folder + "/cpu.cfs_period_us"));
}

// The least of the quotas from `path` up to the mount. A container may see the path of its host, of which nothing is mounted.
template <class Read> double leastQuota(const std::string& mount, std::string path, Read read) {
  double least = 0;
  for (;; path.resize(path.rfind('/'))) {
    if (!path.empty() && path.back() == '/') path.pop_back();
    const double one = read(mount + path);
    if (one > 0 && (least == 0 || one < least)) least = one;
    if (path.find('/') == std::string::npos) return least;
  }
}

bool namesCpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

int allowedProcessors() {
#if defined(__linux__)
  // Larger machines than a cpu_set_t need a set of their own size.
  for (int most = CPU_SETSIZE; most <= 1 << 16; most *= 4) {
    cpu_set_t* set = CPU_ALLOC(most);
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(most);
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  const unsigned all = std::thread::hardware_concurrency();
  return all < 1 ? 1 : int(all);
}

}  // namespace

double processorQuota(const char* membership, const char* mount) {
  std::ifstream lines(membership);
  double least = 0;
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1), root = mount;
    double one = 0;
    if (controllers.empty()) one = leastQuota(root, path, quotaOf2);
    else if (namesCpu(controllers)) one = leastQuota(root + "/cpu", path, quotaOf1);
    if (one > 0 && (least == 0 || one < least)) least = one;
  }
  return least;
}

int usableProcessors() {
  const int allowed = allowedProcessors();
  const double quota = processorQuota("/proc/self/cgroup", "/sys/fs/cgroup");
  return quota > 0 && std::ceil(quota) < allowed ? int(std::ceil(quota)) : allowed;
}

}  // namespace torchstone
