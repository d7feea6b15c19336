// Enough of CUDA to run kernels on a CPU, one block after the other: threads are fibers that wait for each other at
// barriers. For tests; see cuda_on_cpu.py.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <setjmp.h>
#include <ucontext.h>
#include <utility>

#define __global__
#define __device__
#define __shared__
#define __forceinline__ inline
using std::size_t;

struct uint4 { unsigned x, y, z, w; };
struct float4 { float x, y, z, w; };
struct Dim { unsigned x, y, z; };
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float __uint_as_float(unsigned bits) { float x; std::memcpy(&x, &bits, 4); return x; }
inline float __int_as_float(int bits) { return __uint_as_float((unsigned)bits); }
inline unsigned __float_as_uint(float x) { unsigned bits; std::memcpy(&bits, &x, 4); return bits; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline int min(unsigned a, int b) { return (int)a < b ? (int)a : b; }
template <class T> T atomicAdd(T *place, T more) { T before = *place; *place += more; return before; }
inline void __threadfence() {}

struct Barrier { int waiting = 0; unsigned round = 0; int count = 0, total = 0; };
// Started by makecontext, then switched by jumps: those ask the system nothing.
struct Fiber { ucontext_t context; jmp_buf place; bool started = false, done = false; };

const int MOST_THREADS = 1024, STACK_BYTES = 1 << 15;
static Fiber fibers[MOST_THREADS];
static char stacks[MOST_THREADS][STACK_BYTES];
static Barrier warps[MOST_THREADS / 32], block;
static uint64_t traded[MOST_THREADS];
static int current, threads_now;
static jmp_buf scheduling;
static Dim gridDim, blockDim, blockIdx;
uint4 pool[8192];
#define threadIdx (Dim{(unsigned)current, 0, 0})

static void give_way() {
    if (!_setjmp(fibers[current].place)) _longjmp(scheduling, 1);
}

static void go_on(int fiber) {
    current = fiber;
    if (_setjmp(scheduling)) return;
    if (fibers[fiber].started) _longjmp(fibers[fiber].place, 1);
    fibers[fiber].started = true;
    setcontext(&fibers[fiber].context);
}

static void wait_for(Barrier &barrier, int all) {
    unsigned round = barrier.round;
    if (++barrier.waiting == all) {
        barrier.waiting = 0, barrier.total = barrier.count, barrier.count = 0, barrier.round++;
        return;
    }
    while (barrier.round == round) give_way();
}

inline void __syncthreads() { wait_for(block, threads_now); }
inline int __syncthreads_count(bool is) {
    block.count += is;
    __syncthreads();
    int found = block.total;
    __syncthreads();
    return found;
}
template <class T> T __shfl_xor_sync(unsigned, T x, int step) {
    int me = current;
    std::memcpy(&traded[me], &x, sizeof x);
    wait_for(warps[me / 32], 32);
    T other;
    std::memcpy(&other, &traded[me ^ step], sizeof other);
    wait_for(warps[me / 32], 32);
    return other;
}

template <class... A, size_t... I> void call(void (*kernel)(A...), void **given, std::index_sequence<I...>) {
    kernel(*(A *)given[I]...);
}
static void (*kernel_now)(void **);
static void **given_now;
static void run_fiber() {
    kernel_now(given_now);
    fibers[current].done = true;
    give_way();
}

static void launch(void (*kernel)(void **), const unsigned *grid, unsigned threads, void **given) {
    gridDim = {grid[0], grid[1], grid[2]}, blockDim = {threads, 1, 1};
    kernel_now = kernel, given_now = given;
    for (blockIdx.z = 0; blockIdx.z < grid[2]; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++) {
                threads_now = (int)threads, block = {};
                for (Barrier &barrier : warps) barrier = {};
                std::memset(pool, 0xff, sizeof pool); // as if it were never written: NaN
                for (unsigned i = 0; i < threads; i++) {
                    Fiber &fiber = fibers[i];
                    fiber.started = fiber.done = false;
                    getcontext(&fiber.context);
                    fiber.context.uc_stack.ss_sp = stacks[i], fiber.context.uc_stack.ss_size = STACK_BYTES;
                    fiber.context.uc_link = nullptr;
                    makecontext(&fiber.context, run_fiber, 0);
                }
                for (bool busy = true; busy;) {
                    busy = false;
                    for (unsigned i = 0; i < threads; i++)
                        if (!fibers[i].done) busy = true, go_on((int)i);
                }
            }
}
