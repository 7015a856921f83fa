// Runs a CUDA kernel, included below, on the CPU: each lane of a warp is a thread, and a barrier
// stands for the synchronisation of the warp. One warp after the other.

#include <barrier>
#include <cmath>
#include <cstddef>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#define __device__ static
#define __global__
using std::fmax;

struct Index { int x; };
static thread_local Index threadIdx, blockIdx, blockDim;
static std::unique_ptr<std::barrier<>> warp;
static double exchanged[64];

static void __syncwarp() { warp->arrive_and_wait(); }

static double __shfl_xor_sync(unsigned, double value, int mask)
{
    exchanged[threadIdx.x] = value;
    __syncwarp();
    const double other = exchanged[threadIdx.x ^ mask];
    __syncwarp();
    return other;
}

#include KERNEL

// Arguments come as a kernel launch takes them: a pointer to each.
template <typename... P, std::size_t... I>
static void call(void (*kernel)(P...), void **given, std::index_sequence<I...>)
{
    kernel(*static_cast<std::remove_cv_t<P> *>(given[I])...);
}

template <typename... P>
static void launch(void (*kernel)(P...), void **given, int warps)
{
    warp = std::make_unique<std::barrier<>>(LANES);
    std::vector<std::thread> lanes;
    for (int lane = 0; lane < LANES; ++lane)
        lanes.emplace_back([=] {
            threadIdx.x = lane;
            blockDim.x = LANES;
            for (blockIdx.x = 0; blockIdx.x < warps; ++blockIdx.x)
                call(kernel, given, std::index_sequence_for<P...>{});
        });
    for (auto &lane : lanes)
        lane.join();
}

extern "C" void run(void **given, int warps) { launch(settle, given, warps); }
