// The fibers: their stacks, the switch between them, barriers, exchanges within a warp, and faults in kernels.
#include "fibers.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <vector>

// void shimSwitch(void** save, void* load): keeps the callee-saved registers on the stack, changes stacks, takes those back.
extern "C" void shimSwitch(void** save, void* load);
#if defined(__x86_64__)
asm(R"(
.text
.globl shimSwitch
.hidden shimSwitch
.type shimSwitch, @function
shimSwitch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size shimSwitch, .-shimSwitch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl shimSwitch
.hidden shimSwitch
.type shimSwitch, @function
shimSwitch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size shimSwitch, .-shimSwitch
)");
#else
#error "the host shim knows x86-64 and aarch64"
#endif

namespace shim {

namespace {

constexpr size_t kStack = 256 << 10;
constexpr unsigned kWarp = 32;

enum class State { Fresh, Ready, AtBarrier, AtExchange, Done };

struct Fiber {
  State state = State::Fresh;
  Index index{0, 0, 0};
  char* stack = nullptr;
  void* sp = nullptr;
  char value[64];  // what a lane gives in an exchange
  unsigned bytes = 0, source = 0;
};

Host theHost;
std::vector<Fiber> fibers;
std::vector<char*> stacks;  // free ones
Fiber* running = nullptr;
void* schedulerSp = nullptr;
const Entry* theEntry = nullptr;
const void* theArgs = nullptr;
sigjmp_buf faulted;
int faultSignal = 0;

char* takeStack() {
  if (!stacks.empty()) {
    char* stack = stacks.back();
    stacks.pop_back();
    return stack;
  }
  void* made = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (made == MAP_FAILED) std::abort();
  mprotect(made, 4096, PROT_NONE);
  return static_cast<char*>(made);
}

void yieldAs(State state) {
  running->state = state;
  shimSwitch(&running->sp, schedulerSp);
}

void barrier() { yieldAs(State::AtBarrier); }

void exchange(void* value, unsigned bytes, unsigned source) {
  Fiber& self = *running;
  if (bytes > sizeof self.value) std::abort();
  std::memcpy(self.value, value, bytes);
  self.bytes = bytes;
  self.source = source;
  yieldAs(State::AtExchange);
  std::memcpy(value, self.value, bytes);
}

[[noreturn]] void begin() {
  theEntry->run(theArgs);
  yieldAs(State::Done);
  std::abort();
}

void resume(Fiber& fiber) {
  if (fiber.state == State::Fresh) {
    fiber.stack = takeStack();
#if defined(__x86_64__)
    // At a function's first instruction rsp is 8 below a multiple of 16: its return address (never used) stands there.
    void** top = reinterpret_cast<void**>(fiber.stack + kStack - 64);
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(begin);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
#else
    void** top = reinterpret_cast<void**>(fiber.stack + kStack - 64 - 160);
    std::memset(top, 0, 160);
    top[11] = reinterpret_cast<void*>(begin);  // x30
#endif
    fiber.sp = top;
  }
  running = &fiber;
  theHost.thread = &fiber.index;
  shimSwitch(&schedulerSp, fiber.sp);
  if (fiber.state == State::Done) {
    stacks.push_back(fiber.stack);
    fiber.stack = nullptr;
  }
}

// All 32 lanes give and take at once; whether this warp could.
bool exchangeWarp(size_t first, size_t threads) {
  if (first + kWarp > threads) return false;
  for (size_t i = 0; i < kWarp; ++i)
    if (fibers[first + i].state != State::AtExchange) return false;
  char given[kWarp][sizeof(Fiber::value)];
  for (size_t i = 0; i < kWarp; ++i) std::memcpy(given[i], fibers[first + i].value, sizeof given[i]);
  for (size_t i = 0; i < kWarp; ++i) {
    Fiber& lane = fibers[first + i];
    std::memcpy(lane.value, given[lane.source % kWarp], lane.bytes);
    lane.state = State::Ready;
  }
  return true;
}

// TORCHSTONE_SHIM_ORDER=reverse runs threads from the last to the first: what needs a barrier and lacks one changes.
bool reversed() {
  const char* order = std::getenv("TORCHSTONE_SHIM_ORDER");
  return order != nullptr && std::strcmp(order, "reverse") == 0;
}

std::string runBlock(size_t threads, bool backwards) {
  for (size_t i = 0; i < threads; ++i) {
    fibers[i].state = State::Fresh;
    fibers[i].index = {unsigned(i), 0, 0};
  }
  for (;;) {
    for (size_t i = 0; i < threads; ++i) {
      Fiber& fiber = fibers[backwards ? threads - 1 - i : i];
      if (fiber.state == State::Fresh || fiber.state == State::Ready) resume(fiber);
    }
    size_t done = 0, waiting = 0;
    bool exchanged = false;
    for (size_t first = 0; first < threads; first += kWarp) exchanged |= exchangeWarp(first, threads);
    if (exchanged) continue;
    for (size_t i = 0; i < threads; ++i) {
      done += fibers[i].state == State::Done;
      waiting += fibers[i].state == State::AtBarrier;
    }
    if (done == threads) return "";
    if (waiting == threads) {
      for (size_t i = 0; i < threads; ++i) fibers[i].state = State::Ready;
      continue;
    }
    return std::to_string(waiting) + " of " + std::to_string(threads) + " threads of a block wait at a barrier, " + std::to_string(done) +
           " have ended, " + std::to_string(threads - waiting - done) + " wait for lanes of their warp";
  }
}

void onFault(int signal) {
  faultSignal = signal;
  siglongjmp(faulted, 1);
}

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};

// Catches what kernels do to the machine, on a stack of its own.
class Guard {
 public:
  Guard() {
    static char* const memory = static_cast<char*>(mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    stack_t mine{};
    mine.ss_sp = memory;
    mine.ss_size = 65536;
    sigaltstack(&mine, &stackBefore_);
    struct sigaction action {};
    action.sa_handler = onFault;
    action.sa_flags = SA_ONSTACK;
    for (size_t i = 0; i < 4; ++i) sigaction(kSignals[i], &action, &before_[i]);
  }
  ~Guard() {
    for (size_t i = 0; i < 4; ++i) sigaction(kSignals[i], &before_[i], nullptr);
    sigaltstack(&stackBefore_, nullptr);
  }
 private:
  struct sigaction before_[4];
  stack_t stackBefore_;
};

void dropStacks() {
  for (Fiber& fiber : fibers) {
    if (fiber.stack != nullptr) stacks.push_back(fiber.stack);
    fiber.stack = nullptr;
  }
}

}  // namespace

Host& host() {
  theHost.barrier = barrier;
  theHost.exchange = exchange;
  return theHost;
}

std::string runGrid(const Entry& entry, const void* args, Index grid, unsigned threads) {
  fibers.resize(threads);
  theEntry = &entry;
  theArgs = args;
  theHost.blockSize = {threads, 1, 1};
  theHost.grid = grid;
  const bool backwards = reversed();
  const Guard guard;
  std::string wrong;
  if (sigsetjmp(faulted, 1) != 0) {
    dropStacks();
    return std::string("the kernel was stopped by ") + strsignal(faultSignal);
  }
  for (unsigned z = 0; z < grid.z && wrong.empty(); ++z)
    for (unsigned y = 0; y < grid.y && wrong.empty(); ++y)
      for (unsigned x = 0; x < grid.x && wrong.empty(); ++x) {
        theHost.block = {x, y, z};
        wrong = runBlock(threads, backwards);
      }
  dropStacks();
  return wrong;
}

}  // namespace shim
