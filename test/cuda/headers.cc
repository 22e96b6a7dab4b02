// Our declarations of CUDA against NVIDIA's headers, at compile time; headers.test.ts compiles it. HEADERS_CUBLAS:
// cuBLAS's headers are there too.
#define __CUDA_API_VERSION_INTERNAL  // cuda.h then declares every exported name as itself, old versions too
#include <cuda.h>
#include <nvrtc.h>
#ifdef HEADERS_CUBLAS
#include <cuComplex.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <driver_types.h>
#include <library_types.h>
// As C sees it: for C++ it adds overloads that no library exports.
#pragma push_macro("__cplusplus")
#undef __cplusplus
#include <cublas_api.h>
#pragma pop_macro("__cplusplus")
#endif

#include <iterator>
#include <type_traits>

#include "cuda/driver/blas.h"
#include "cuda/driver/driver.h"

namespace ours = torchstone::cuda;

// Whether a value that we pass as Ours arrives as Theirs means it.
template <class Ours, class Theirs> constexpr bool same() {
  if constexpr (std::is_pointer_v<Ours> && std::is_pointer_v<Theirs>) {
    using O = std::remove_pointer_t<Ours>;
    using T = std::remove_pointer_t<Theirs>;
    if constexpr (std::is_const_v<O> && !std::is_const_v<T>) return false;
    using PlainO = std::remove_const_t<O>;
    using PlainT = std::remove_const_t<T>;
    if constexpr (std::is_void_v<PlainO>) return true;  // any address, an opaque handle too
    else if constexpr (std::is_class_v<PlainO> || std::is_class_v<PlainT>) return std::is_same_v<PlainO, PlainT>;  // a handle: `struct X*` of driver.h is the one that cuda.h declared
    else if constexpr (std::is_void_v<PlainT>) return false;
    else return same<PlainO, PlainT>();
  } else if constexpr (std::is_enum_v<Theirs>) {
    return std::is_same_v<Ours, int> && sizeof(Theirs) == sizeof(int);
  } else if constexpr (std::is_integral_v<Ours> && std::is_integral_v<Theirs>) {
    return sizeof(Ours) == sizeof(Theirs) && std::is_signed_v<Ours> == std::is_signed_v<Theirs>;
  } else {
    return std::is_same_v<Ours, Theirs>;
  }
}

template <class Ours, class Theirs> struct Call : std::false_type {};
template <class R, class... A, class S, class... B> struct Call<R (*)(A...), S (*)(B...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(A) == sizeof...(B)) return same<R, S>() && (same<A, B>() && ...);
    else return false;
  }();
};

#define SAME_CALL(table, name) static_assert(Call<decltype(table::name), decltype(&::name)>::value, #name " is declared otherwise in NVIDIA's header");
#define DRIVER(name, parameters) SAME_CALL(ours::Driver, name)
TORCHSTONE_DRIVER(DRIVER)
#if CUDA_VERSION >= 12040
TORCHSTONE_DRIVER_NEWER(DRIVER)
#endif
#define NVRTC(name, result, parameters) SAME_CALL(ours::Nvrtc, name)
TORCHSTONE_NVRTC(NVRTC)

#define SAME_VALUE(mine, real) static_assert((long long)(ours::mine) == (long long)(real), #mine " is not " #real);
SAME_VALUE(kSuccess, CUDA_SUCCESS)
SAME_VALUE(kErrorOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY)
SAME_VALUE(kErrorNoDevice, CUDA_ERROR_NO_DEVICE)
SAME_VALUE(kErrorNotReady, CUDA_ERROR_NOT_READY)
SAME_VALUE(kErrorIllegalAddress, CUDA_ERROR_ILLEGAL_ADDRESS)
SAME_VALUE(kErrorLaunchFailed, CUDA_ERROR_LAUNCH_FAILED)
SAME_VALUE(kAttributeSharedPerBlock, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK)
SAME_VALUE(kAttributeMultiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
SAME_VALUE(kAttributeThreadsPerMultiprocessor, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR)
SAME_VALUE(kAttributeMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
SAME_VALUE(kAttributeMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
SAME_VALUE(kStreamNonBlocking, CU_STREAM_NON_BLOCKING)
SAME_VALUE(kEventTimed, CU_EVENT_DEFAULT)
SAME_VALUE(kEventUntimed, CU_EVENT_DISABLE_TIMING)
SAME_VALUE(kHostMapped, CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP)
SAME_VALUE(kCaptureRelaxed, CU_STREAM_CAPTURE_MODE_RELAXED)

// Every error that ends a context, and none besides.
constexpr CUresult kSticky[] = {
    CUDA_ERROR_DEINITIALIZED, CUDA_ERROR_ECC_UNCORRECTABLE, CUDA_ERROR_NVLINK_UNCORRECTABLE, CUDA_ERROR_CONTAINED, CUDA_ERROR_ILLEGAL_ADDRESS,
    CUDA_ERROR_LAUNCH_TIMEOUT, CUDA_ERROR_CONTEXT_IS_DESTROYED, CUDA_ERROR_ASSERT, CUDA_ERROR_HARDWARE_STACK_ERROR, CUDA_ERROR_ILLEGAL_INSTRUCTION,
    CUDA_ERROR_MISALIGNED_ADDRESS, CUDA_ERROR_INVALID_ADDRESS_SPACE, CUDA_ERROR_INVALID_PC, CUDA_ERROR_LAUNCH_FAILED, CUDA_ERROR_TENSOR_MEMORY_LEAK};
constexpr bool sameSticky() {
  if (std::size(kSticky) != std::size(ours::kSticky)) return false;
  for (size_t i = 0; i < std::size(kSticky); ++i)
    if (int(kSticky[i]) != ours::kSticky[i]) return false;
  return true;
}
static_assert(sameSticky(), "the errors after which a device is lost");

#ifdef HEADERS_CUBLAS
#define BLAS(name, parameters) SAME_CALL(BlasCalls, name)
struct BlasCalls {
#define FIELD(name, parameters) int (*name) parameters;
  TORCHSTONE_CUBLAS(FIELD)
#undef FIELD
};
using torchstone::cuda::CUstream;
TORCHSTONE_CUBLAS(BLAS)
SAME_VALUE(kBlasSuccess, CUBLAS_STATUS_SUCCESS)
SAME_VALUE(kBlasPlain, CUBLAS_OP_N)
SAME_VALUE(kBlasTransposed, CUBLAS_OP_T)
SAME_VALUE(kBlasDefaultMath, CUBLAS_DEFAULT_MATH)
SAME_VALUE(kBlasTf32Math, CUBLAS_TF32_TENSOR_OP_MATH)
SAME_VALUE(kBlasWholeParts, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)
SAME_VALUE(kBlasHalf, CUDA_R_16F)
SAME_VALUE(kBlasBrain, CUDA_R_16BF)
SAME_VALUE(kBlasFloat, CUDA_R_32F)
SAME_VALUE(kBlasDouble, CUDA_R_64F)
SAME_VALUE(kBlasComplex64, CUDA_C_32F)
SAME_VALUE(kBlasComplex128, CUDA_C_64F)
SAME_VALUE(kBlasSums32, CUBLAS_COMPUTE_32F)
SAME_VALUE(kBlasSums64, CUBLAS_COMPUTE_64F)
SAME_VALUE(kBlasAlgorithm, CUBLAS_GEMM_DEFAULT)
SAME_VALUE(kBlasMajor, MAJOR_VERSION)
SAME_VALUE(kBlasMinor, MINOR_VERSION)
#endif
