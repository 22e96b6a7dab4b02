// Pointwise programs: the decoded code, and the plan (steps, tile slots) that every tile machine follows. Compiled once, for the
// baseline; kernel files read its plain arrays only.
//   addon.defineProgram(code: Int32Array, constants: Float64Array): id
//   code = [compute, nout, nin, nparams, ninstr, outDtype × nout, inDtype × nin, (opcode, a, b, c) × ninstr, outReg × nout]
// A program computes in ONE dtype (`compute`); loads convert each input from its dtype, stores convert to each output's dtype.
// Comparisons and logic yield 0 or 1 in the compute dtype (a bool program computes in uint8). Registers are numbered: inputs
// 0..nin-1, then params, then constants, then one per instruction in order. Opcodes are positions in
// `addon.primitives: {name, arity, kinds}[]` (the X-macro list of ops/primitives.h), where TypeScript looks them up by name. A
// program with no instruction and outReg = an input is copy or cast; with outReg = a param it is fill.
#pragma once
#include <cstdint>

#include "array.h"
#include "block.h"

namespace torchstone {

inline constexpr int kMaxOperands = 64;  // inputs and outputs of one program together
inline constexpr int kMaxParams = 64;

// What one register is, seen from an instruction: registers are numbered inputs, params, constants, instructions.
struct Instruction {
  int32_t op;        // position in the list of primitives
  int32_t arity;
  int32_t operand[3];  // registers
  int32_t result;    // register
  int32_t slot;      // tile slot of the result
  int32_t output;    // output that may receive the result directly, or -1
};

struct Program {
  int64_t serial;       // no other program of this process has it, living or dead
  Dtype compute;
  int32_t nout, nin, nparams, nconst, ninstr, nreg;
  int32_t nslots;       // tiles needed at the same time
  int32_t unsupported;  // a dtype without kernels (status 4), or -1
  int32_t weight;       // cost of one element; an addition is 1
  bool direct;          // one instruction, one output, every dtype the compute dtype
  bool truth;           // the same but for the output, which is bool
  bool copy;            // no instruction, one output that is the input after at most one conversion
  Array<Dtype> outDtype, inDtype;
  Array<int32_t> outReg;
  Array<int32_t> inSlot;      // tile slot of an input that needs converting or gathering
  Array<bool> mustLoad;       // an input that several outputs' aliasing forbids to use in place
  Array<int32_t> loadBefore;  // the instruction before which the input is loaded, -1 if unused
  Array<double> constants;
  Array<Instruction> instr;
};

// The program with this id, or null where there is none (not inline: no vector template in the kernels' files).
const Program* programAt(const Context& context, int64_t id);

// Scratch memory of the calling thread, 64-byte aligned; free with the same arguments, in reverse order.
char* acquireScratch(int64_t bytes);
void releaseScratch(char* address);

}  // namespace torchstone
