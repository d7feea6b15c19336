// One step of a transformer on a card: what torch would launch as dozens of small kernels, as five a layer.
//
// A step has one position and ROWS rows (1, or 2 with a branch for guidance), so that all it does is read weights once:
// numbers are bf16 in memory and fp32 while they are worked on. All of a block's shared memory is `pool`. Compiled at
// run time by NVRTC without headers, and by a C++ compiler for the tests, which run it on the CPU.

typedef unsigned short u16;
typedef unsigned int u32;

#define WARPS 8  // in a block of `product` and `attend`
#define LEAST 64 // slots that a block looks at before another helps it
#define NEVER (-INFINITY_F)
#define INFINITY_F (__int_as_float(0x7f800000))

// Where a card can (from Hopper on), the next kernel starts while this one runs, and waits where it needs what this one
// makes. Before `wait_for_last` nothing may be read but weights.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
__device__ __forceinline__ void let_next_start() { asm volatile("griddepcontrol.launch_dependents;"); }
__device__ __forceinline__ void wait_for_last() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
#else
__device__ __forceinline__ void let_next_start() {}
__device__ __forceinline__ void wait_for_last() {}
#endif

extern __shared__ uint4 pool[];

__device__ __forceinline__ float low(u32 pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float high(u32 pair) { return __uint_as_float(pair & 0xffff0000u); }
__device__ __forceinline__ float wide(u16 x) { return __uint_as_float((u32)x << 16); }

// To bf16, to the nearest, ties to even.
__device__ __forceinline__ u16 narrow(float x) {
    if (x != x) return 0x7fc0;
    u32 bits = __float_as_uint(x);
    return (u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

__device__ __forceinline__ float sum_of_warp(float x, int lanes) {
    for (int step = lanes / 2; step; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
    return x;
}

__device__ __forceinline__ float most_of_warp(float x) {
    for (int step = 16; step; step /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
    return x;
}

__device__ __forceinline__ float dot(uint4 a, uint4 b, float sum) {
    sum += low(a.x) * low(b.x) + high(a.x) * high(b.x);
    sum += low(a.y) * low(b.y) + high(a.y) * high(b.y);
    sum += low(a.z) * low(b.z) + high(a.z) * high(b.z);
    return sum + low(a.w) * low(b.w) + high(a.w) * high(b.w);
}

// Two numbers as a pair of bf16.
__device__ __forceinline__ u32 pair(float first, float second) { return narrow(first) | (u32)narrow(second) << 16; }

// Eight numbers times `by` times their weights, (8,) fp32.
__device__ __forceinline__ uint4 scaled(uint4 x, float by, const float *weights) {
    float4 w = *(const float4 *)weights, v = *(const float4 *)(weights + 4);
    return make_uint4(pair(low(x.x) * by * w.x, high(x.x) * by * w.y), pair(low(x.y) * by * w.z, high(x.y) * by * w.w),
                      pair(low(x.z) * by * v.x, high(x.z) * by * v.y), pair(low(x.w) * by * v.z, high(x.w) * by * v.w));
}

// y (ROWS, outputs) of x (ROWS, inputs) and weight (outputs, inputs), bf16; inputs a multiple of 8, 2048 * TAKEN at most.
// NORM: x is divided by the root of its mean square first and multiplied by `norm` (inputs,) fp32.
// MODE "plain": y bf16. "added": added to what stands in y. "gated": weight has 2 * outputs rows, y = silu(first half) *
// second half. "exact": y fp32. split: how many warps share an output: 1, 2, 4 or 8.
enum Mode { plain, added, gated, exact };

template <int ROWS, int TAKEN, bool NORM, int MODE>
__global__ void product(const u16 *weight, const u16 *x, const float *norm, void *y, int inputs, int outputs, double eps,
                        int split) {
    const int halves = MODE == gated ? 2 : 1;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, part = warp % split;
    const int output = blockIdx.x * (WARPS / split) + warp / split;
    const int vectors = inputs / 8, stride = 32 * split;
    uint4 *heard = pool;                                  // x as it is multiplied: (ROWS, inputs) bf16
    float *parts = (float *)(heard + ROWS * vectors);     // (WARPS, 2 * ROWS)

    // The first weights are asked for before x is there: they wait for nothing.
    let_next_start();
    const uint4 *rows[2];
    for (int half = 0; half < halves; half++)
        rows[half] = (const uint4 *)(weight + (size_t)(min(output, outputs - 1) + half * outputs) * inputs);
    uint4 held[halves][4];
    int at = part * 32 + lane;
#pragma unroll
    for (int u = 0; u < 4; u++)
        for (int half = 0; half < halves; half++)
            if (at + u * stride < vectors) held[half][u] = rows[half][at + u * stride];
    wait_for_last();
    uint4 taken[ROWS][TAKEN];
    for (int row = 0; row < ROWS; row++)
#pragma unroll
        for (int u = 0; u < TAKEN; u++) {
            taken[row][u] = make_uint4(0, 0, 0, 0);
            if (threadIdx.x + 32 * WARPS * u < vectors)
                taken[row][u] = ((const uint4 *)(x + row * inputs))[threadIdx.x + 32 * WARPS * u];
        }

    float scale[ROWS];
    if (NORM) {
        for (int row = 0; row < ROWS; row++) {
            float squares = 0.0f;
            for (int u = 0; u < TAKEN; u++) squares = dot(taken[row][u], taken[row][u], squares);
            squares = sum_of_warp(squares, 32);
            if (!lane) parts[warp * ROWS + row] = squares;
        }
        __syncthreads();
        for (int row = 0; row < ROWS; row++) {
            float all = 0.0f;
            for (int i = 0; i < WARPS; i++) all += parts[i * ROWS + row];
            scale[row] = rsqrtf(all / inputs + (float)eps);
        }
    }
#pragma unroll
    for (int u = 0; u < TAKEN; u++) {
        const int place = threadIdx.x + 32 * WARPS * u;
        if (place >= vectors) break;
        for (int row = 0; row < ROWS; row++)
            heard[row * vectors + place] = NORM ? scaled(taken[row][u], scale[row], norm + 8 * place) : taken[row][u];
    }
    __syncthreads();

    float sums[halves][ROWS];
    for (int half = 0; half < halves; half++)
        for (int row = 0; row < ROWS; row++) sums[half][row] = 0.0f;
    while (at < vectors) {
#pragma unroll
        for (int u = 0; u < 4; u++)
            if (at + u * stride < vectors)
                for (int row = 0; row < ROWS; row++) {
                    uint4 in = heard[row * vectors + at + u * stride];
                    for (int half = 0; half < halves; half++)
                        sums[half][row] = dot(held[half][u], in, sums[half][row]);
                }
        at += 4 * stride;
#pragma unroll
        for (int u = 0; u < 4; u++)
            for (int half = 0; half < halves; half++)
                if (at + u * stride < vectors) held[half][u] = rows[half][at + u * stride];
    }
    for (int half = 0; half < halves; half++)
        for (int row = 0; row < ROWS; row++) {
            sums[half][row] = sum_of_warp(sums[half][row], 32);
            if (!lane) parts[warp * 2 * ROWS + half * ROWS + row] = sums[half][row];
        }
    if (split > 1) __syncthreads();
    if (lane || part || output >= outputs) return;
    for (int row = 0; row < ROWS; row++) {
        float all[2] = {0.0f, 0.0f};
        for (int other = warp; other < warp + split; other++)
            for (int half = 0; half < halves; half++) all[half] += parts[other * 2 * ROWS + half * ROWS + row];
        int place = row * outputs + output;
        if (MODE == exact) ((float *)y)[place] = all[0];
        else if (MODE == added) ((u16 *)y)[place] = narrow(wide(((u16 *)y)[place]) + all[0]);
        else if (MODE == gated) ((u16 *)y)[place] = narrow(all[0] / (1.0f + expf(-all[0])) * all[1]);
        else ((u16 *)y)[place] = narrow(all[0]);
    }
}

// Attention of one position. A block has the SHARED query heads of one key head and one of gridDim.x parts of the
// slots; the last block of a head to be done puts the parts together. Grid: (parts, key heads, branches).
//
// fresh: (branches, heads + 2 * key heads, HEAD) bf16, queries, key and value of the position, which are kept at `slot`;
// without KEEP (branches, heads, HEAD), queries only, and `length` slots are looked at. cosine, sine: (positions, HEAD)
// fp32, the sign of the turned half in the sine; has_turn 0: not turned. norm: (heads + key heads, HEAD) fp32, by which
// queries and keys are multiplied behind their own norm; has_norm 0: not normed. keys, values: (branches, key heads,
// slots, HEAD). y: (branches, heads, HEAD). partial: (branches * key heads * parts, SHARED, HEAD + 2) fp32. counts:
// (branches * key heads,), zero before and after. most: the slots of one part.
template <int HEAD, int SHARED, bool KEEP>
__global__ void attend(const u16 *fresh, const float *cosine, const float *sine, const float *norm, u16 *keys, u16 *values,
                       const long long *position, const long long *slot, u16 *y, float *partial, u32 *counts, int slots,
                       int length, int most, int has_turn, int has_norm, double scale, double eps) {
    const int LANES = HEAD / 8, EACH = 32 / LANES, TEAMS = WARPS * EACH, DIMS = HEAD / 32;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int part = blockIdx.x, head = blockIdx.y, branch = blockIdx.z, heads = gridDim.y;
    let_next_start();
    wait_for_last();
    const int newest = KEEP ? (int)*slot : length - 1;
    const int count = newest + 1, chunk = max((int)((count + gridDim.x - 1) / gridDim.x), LEAST);
    const int parts = (count + chunk - 1) / chunk; // a short past is one block's work
    if (part >= parts) return;
    const int begin = min(part * chunk, count), end = min(begin + chunk, count), size = end - begin;
    float *asked = (float *)pool;                     // (SHARED, HEAD): the queries
    float *scores = asked + SHARED * HEAD;            // (SHARED, most)
    float *sums = scores + SHARED * most;             // (WARPS, SHARED, HEAD)
    float *best = sums + WARPS * SHARED * HEAD;       // (SHARED, 2): the largest score, the sum of shares
    const size_t cache = ((size_t)branch * heads + head) * slots * HEAD;
    const u16 *from = fresh + (size_t)branch * heads * (SHARED + (KEEP ? 2 : 0)) * HEAD;

    // The first keys and values are asked for at once. What is new is not there yet.
    const int team = warp * EACH + lane / LANES, dim = lane % LANES * 8;
    uint4 key = make_uint4(0, 0, 0, 0), value = key;
    const bool is_new = KEEP && begin + team == newest;
    if (team < size && !is_new) {
        key = *(const uint4 *)(keys + cache + (size_t)(begin + team) * HEAD + dim);
        value = *(const uint4 *)(values + cache + (size_t)(begin + team) * HEAD + dim);
    }

    // queries, and the key if its slot is in this part: a warp for each
    const bool keeps = KEEP && newest >= begin && newest < end;
    for (int one = warp; one < SHARED + (keeps ? 1 : 0); one += WARPS) {
        const bool is_key = one == SHARED;
        const int row = is_key ? heads * SHARED + head : head * SHARED + one;
        float x[DIMS], turned[DIMS], squares = 0.0f;
        for (int i = 0; i < DIMS; i++) {
            x[i] = wide(from[row * HEAD + lane + 32 * i]);
            squares += x[i] * x[i];
        }
        if (has_norm) {
            float by = rsqrtf(sum_of_warp(squares, 32) / HEAD + (float)eps);
            for (int i = 0; i < DIMS; i++) x[i] *= by * norm[row * HEAD + lane + 32 * i];
        }
        for (int i = 0; i < DIMS; i++) {
            int at = has_turn ? (int)*position * HEAD + lane + 32 * i : 0;
            turned[i] = has_turn ? x[i] * cosine[at] + x[(i + DIMS / 2) % DIMS] * sine[at] : x[i];
            if (is_key) keys[cache + (size_t)newest * HEAD + lane + 32 * i] = narrow(turned[i]);
            else asked[one * HEAD + lane + 32 * i] = wide(narrow(turned[i]));
        }
    }
    if (keeps && threadIdx.x < HEAD)
        values[cache + (size_t)newest * HEAD + threadIdx.x] =
            from[(heads * (SHARED + 1) + head) * HEAD + threadIdx.x];
    __syncthreads();

    if (is_new && team < size) {
        key = *(const uint4 *)(keys + cache + (size_t)newest * HEAD + dim);
        value = *(const uint4 *)(values + cache + (size_t)newest * HEAD + dim);
    }
    float q[SHARED][8];
    for (int g = 0; g < SHARED; g++)
        for (int i = 0; i < 8; i++) q[g][i] = asked[g * HEAD + dim + i] * (float)scale;
    for (int base = 0; base < size; base += TEAMS) {
        const int at = base + team;
        if (base && at < size) key = *(const uint4 *)(keys + cache + (size_t)(begin + at) * HEAD + dim);
        for (int g = 0; g < SHARED; g++) {
            float score = q[g][0] * low(key.x) + q[g][1] * high(key.x) + q[g][2] * low(key.y) + q[g][3] * high(key.y) +
                          q[g][4] * low(key.z) + q[g][5] * high(key.z) + q[g][6] * low(key.w) + q[g][7] * high(key.w);
            score = sum_of_warp(score, LANES);
            if (at < size && lane % LANES == 0) scores[g * most + at] = score;
        }
    }
    __syncthreads();
    for (int g = warp; g < SHARED; g += WARPS) {
        float top = NEVER, sum = 0.0f;
        for (int at = lane; at < size; at += 32) top = fmaxf(top, scores[g * most + at]);
        top = most_of_warp(top);
        for (int at = lane; at < size; at += 32) {
            float share = expf(scores[g * most + at] - top);
            scores[g * most + at] = share;
            sum += share;
        }
        sum = sum_of_warp(sum, 32);
        if (!lane) best[2 * g] = top, best[2 * g + 1] = sum;
    }
    __syncthreads();
    float found[SHARED][8];
    for (int g = 0; g < SHARED; g++)
        for (int i = 0; i < 8; i++) found[g][i] = 0.0f;
    for (int at = team; at < size; at += TEAMS) {
        if (at != team) value = *(const uint4 *)(values + cache + (size_t)(begin + at) * HEAD + dim);
        for (int g = 0; g < SHARED; g++) {
            float share = scores[g * most + at];
            found[g][0] += share * low(value.x), found[g][1] += share * high(value.x);
            found[g][2] += share * low(value.y), found[g][3] += share * high(value.y);
            found[g][4] += share * low(value.z), found[g][5] += share * high(value.z);
            found[g][6] += share * low(value.w), found[g][7] += share * high(value.w);
        }
    }
    for (int g = 0; g < SHARED; g++)
        for (int i = 0; i < 8; i++) {
            float all = found[g][i];
            for (int step = LANES; step < 32; step *= 2) all += __shfl_xor_sync(0xffffffffu, all, step);
            if (lane < LANES) sums[(warp * SHARED + g) * HEAD + dim + i] = all;
        }
    __syncthreads();

    const int place = branch * heads + head, stride = HEAD + 2;
    u16 *into = y + (size_t)place * SHARED * HEAD;
    float *mine = partial + (size_t)(place * gridDim.x + part) * SHARED * stride;
    for (int i = threadIdx.x; i < SHARED * HEAD; i += 32 * WARPS) {
        float all = 0.0f;
        for (int other = 0; other < WARPS; other++) all += sums[other * SHARED * HEAD + i];
        const int g = i / HEAD;
        if (parts == 1) {
            into[i] = narrow(all / best[2 * g + 1]);
            continue;
        }
        mine[g * stride + i % HEAD] = all;
        if (i % HEAD == 0) mine[g * stride + HEAD] = best[2 * g], mine[g * stride + HEAD + 1] = best[2 * g + 1];
    }
    if (parts == 1) return;
    __threadfence();
    __syncthreads();
    u32 *before = (u32 *)asked; // the queries are no longer needed
    if (!threadIdx.x) *before = atomicAdd(counts + place, 1u);
    __syncthreads();
    if ((int)*before + 1 < parts) return;
    __threadfence();
    const volatile float *all = partial + (size_t)place * gridDim.x * SHARED * stride;
    for (int i = threadIdx.x; i < SHARED * HEAD; i += 32 * WARPS) {
        const int g = i / HEAD;
        float top = NEVER, sum = 0.0f, total = 0.0f;
        for (int p = 0; p < parts; p++) top = fmaxf(top, all[(p * SHARED + g) * stride + HEAD]);
        for (int p = 0; p < parts; p++) {
            const volatile float *one = all + (p * SHARED + g) * stride;
            float by = expf(one[HEAD] - top);
            total += by * one[i % HEAD];
            sum += by * one[HEAD + 1];
        }
        into[i] = narrow(total / sum);
    }
    if (!threadIdx.x) counts[place] = 0;
}

// A float as a number that is the larger the larger the float is.
__device__ __forceinline__ u32 ranked(float x) {
    u32 bits = __float_as_uint(x);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// The largest bound that `wanted` of the block's values reach. What a thread does not have is 0.
template <int EACH> __device__ u32 bound(const u32 *mine, int wanted) {
    u32 best = 0;
    for (u32 bit = 0x80000000u; bit; bit >>= 1) {
        int reach = 0;
        for (int i = 0; i < EACH; i++) reach += __syncthreads_count(mine[i] >= (best | bit));
        if (reach >= wanted) best |= bit;
        if (reach == wanted) return best;
    }
    return best;
}

// One token from logits (BRANCHES, tokens) fp32, drawn in one block of 1024 threads that have EACH tokens each.
//
// BRANCHES 2: only the `filter` best by guidance (lerp of the second to the first) may be drawn; 0 for all. ban: (tokens,)
// fp32, added to the logits. temperature 0: the best; else among the `best` likeliest, by noise: (tokens,) exponential,
// or with by_rank (best,), the first for the likeliest. Writes *token, and what the next stage begins with: its row
// (token + offset) of `table`, with_base: plus `base`; for each of the ROWS rows of x, (ROWS, width). base_stride: between
// rows of base. width 0: nothing follows.
template <int EACH, int BRANCHES>
__global__ void pick(const float *logits, const float *ban, const float *noise, long long *token, const u16 *table,
                     const u16 *base, u16 *x, int tokens, int has_ban, double guidance, int filter, double temperature,
                     int best, int by_rank, int offset, int with_base, int base_stride, int rows, int width) {
    float *values = (float *)pool;                  // (1024,): of the kept tokens, when they are ranked
    float *tops = values + 1024;                    // (32,)
    int *places = (int *)(tops + 32);               // (32,)
    int *kept = places + 32;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    let_next_start();
    wait_for_last();
    float mine[EACH];
    u32 order[EACH];
    for (int i = 0; i < EACH; i++) {
        const int at = threadIdx.x + 1024 * i;
        mine[i] = at < tokens ? logits[at] : NEVER;
        order[i] = 0;
        if (BRANCHES == 2 && at < tokens) order[i] = ranked(logits[tokens + at] + (float)guidance * (mine[i] - logits[tokens + at]));
    }
    if (BRANCHES == 2 && filter && filter < tokens) {
        const u32 least = bound<EACH>(order, filter);
        for (int i = 0; i < EACH; i++) if (order[i] < least) mine[i] = NEVER;
    }
    int there = 0;
    for (int i = 0; i < EACH; i++) {
        const int at = threadIdx.x + 1024 * i;
        if (has_ban && at < tokens) mine[i] += ban[at];
        if (temperature > 0) mine[i] /= (float)temperature;
        order[i] = at < tokens ? ranked(mine[i]) : 0;
        there += __syncthreads_count(mine[i] > NEVER);
    }
    const bool draws = temperature > 0;
    if (draws && best < tokens && best < there) {
        const u32 least = bound<EACH>(order, best);
        for (int i = 0; i < EACH; i++) if (order[i] < least) mine[i] = NEVER;
    }
    float top = NEVER;
    for (int i = 0; i < EACH; i++) top = fmaxf(top, mine[i]);
    if (draws) {
        top = most_of_warp(top);
        if (!lane) tops[warp] = top;
        if (!threadIdx.x) *kept = 0;
        __syncthreads();
        top = most_of_warp(tops[lane]);
        if (by_rank) {
            for (int i = 0; i < EACH; i++)
                if (mine[i] > NEVER) {
                    int place = atomicAdd(kept, 1);
                    if (place < 1024) values[place] = mine[i];
                }
            __syncthreads();
            for (int i = 0; i < EACH; i++)
                if (mine[i] > NEVER) {
                    int rank = 0;
                    for (int other = 0; other < min(*kept, 1024); other++) rank += values[other] > mine[i];
                    mine[i] = rank < best ? expf(mine[i] - top) / noise[rank] : NEVER;
                }
        } else
            for (int i = 0; i < EACH; i++)
                if (mine[i] > NEVER) mine[i] = expf(mine[i] - top) / noise[threadIdx.x + 1024 * i];
        __syncthreads();
    }
    float most = NEVER;
    int place = 0;
    for (int i = 0; i < EACH; i++)
        if (mine[i] > most) most = mine[i], place = threadIdx.x + 1024 * i;
    for (int round = 0; round < 2; round++) {
        for (int step = 16; step; step /= 2) {
            float other = __shfl_xor_sync(0xffffffffu, most, step);
            int there = __shfl_xor_sync(0xffffffffu, place, step);
            if (other > most || (other == most && there < place)) most = other, place = there;
        }
        if (round) break;
        if (!lane) tops[warp] = most, places[warp] = place;
        __syncthreads();
        most = tops[lane], place = places[lane];
    }
    if (!threadIdx.x) *token = place;
    const u16 *row = table + (size_t)(place + offset) * width;
    for (int i = threadIdx.x; i < rows * width; i += 1024) {
        const u16 one = row[i % width];
        x[i] = with_base ? narrow(wide(one) + wide(base[i / width * base_stride + i % width])) : one;
    }
}

// A row of codes from logits (BRANCHES, books, tokens) fp32: a block of 1024 threads for each codebook, EACH tokens a
// thread; the last block to be done writes the row. What torch's operations in dia/sampling.py and dia/decoding.py do.
//
// BRANCHES 2: only the `best` by guidance may be drawn, others where nothing else is left. noise: (books, tokens),
// exponential. Ids beyond `eos` are never drawn, `eos` only in the first book and there where nothing is as probable. Of
// the `best` likeliest those are left that together have `top_p`. grid: (rows, books), below 0 where a code is to be
// drawn. position: the last row that is written, counted up. ends: the row of the first book's eos; book c has its own
// delays[c] rows later, and `pad` behind it. drawn: (books,), count: (1,), zero before and after.
template <int EACH, int BRANCHES>
__global__ void draw_row(const float *logits, const float *noise, long long *grid, long long *position, long long *ends,
                         const long long *delays, int *drawn, u32 *count, int tokens, double guidance, double temperature,
                         int best, double top_p, int eos, int pad) {
    const int books = gridDim.x, book = blockIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float *values = (float *)pool;         // (tokens,): of the kept tokens, in any order
    float *sorted = values + tokens;       // (tokens,): their shares, the least first
    float *tops = sorted + tokens;         // (32,)
    int *ids = (int *)(tops + 32);         // (tokens,)
    int *places = ids + tokens;            // (32,)
    int *kept = places + 32;               // (1,)
    const float *row = logits + (size_t)book * tokens, *other = row + (BRANCHES == 2 ? (size_t)books * tokens : 0);
    let_next_start();
    wait_for_last();
    const long long next = *position + 1;
    float mine[EACH];
    u32 order[EACH];
    for (int i = 0; i < EACH; i++) {
        const int at = threadIdx.x + 1024 * i;
        mine[i] = at < tokens ? row[at] : NEVER;
        order[i] = 0;
        if (BRANCHES == 2 && at < tokens)
            order[i] = ranked(__fadd_rn(mine[i], __fmul_rn(mine[i] - other[at], (float)guidance)));
    }
    if (BRANCHES == 2 && best < tokens) {
        const u32 least = bound<EACH>(order, best);
        for (int i = 0; i < EACH; i++) if (order[i] < least) mine[i] -= 1e4f;
    }
    if (!threadIdx.x) *kept = 0;
    for (int i = 0; i < EACH; i++) {
        const int at = threadIdx.x + 1024 * i;
        mine[i] /= (float)temperature;
        if (at > eos || (at == eos && book)) mine[i] = NEVER;
        if (at == eos) tops[0] = mine[i];
    }
    __syncthreads();
    const float end = tops[0];
    int as_probable = 0;
    for (int i = 0; i < EACH; i++)
        as_probable += __syncthreads_count((int)(threadIdx.x + 1024 * i) < eos && mine[i] >= end);
    for (int i = 0; i < EACH; i++) {
        const int at = threadIdx.x + 1024 * i;
        if ((at == eos) == (as_probable > 0)) mine[i] = NEVER;
        order[i] = at < tokens ? ranked(mine[i]) : 0;
    }
    if (best < tokens) {
        const u32 least = bound<EACH>(order, best);
        for (int i = 0; i < EACH; i++) if (order[i] < least) mine[i] = NEVER;
    }
    float top = NEVER;
    for (int i = 0; i < EACH; i++) top = fmaxf(top, mine[i]);
    top = most_of_warp(top);
    if (!lane) tops[warp] = top;
    __syncthreads();
    top = most_of_warp(tops[lane]);
    int rank[EACH];
    if (top_p < 1.0) {
        for (int i = 0; i < EACH; i++)
            if (mine[i] > NEVER) {
                const int place = atomicAdd(kept, 1);
                values[place] = mine[i], ids[place] = threadIdx.x + 1024 * i;
            }
        __syncthreads();
        const int all = *kept;
        for (int i = 0; i < EACH; i++) {
            rank[i] = 0;
            if (!(mine[i] > NEVER)) continue;
            for (int j = 0; j < all; j++)
                rank[i] += values[j] < mine[i] || (values[j] == mine[i] && ids[j] < (int)(threadIdx.x + 1024 * i));
            sorted[rank[i]] = expf(mine[i] - top);
        }
        __syncthreads();
        float sum = 0.0f;
        for (int j = 0; j < all; j++) sum += sorted[j];
        for (int i = 0; i < EACH; i++) {
            if (!(mine[i] > NEVER) || rank[i] == all - 1) continue;
            float below = 0.0f;
            for (int j = 0; j <= rank[i]; j++) below += sorted[j] / sum;
            if (below <= (float)(1.0 - top_p)) mine[i] = NEVER;
        }
    }
    __syncthreads();
    float most = NEVER;
    int place = 0;
    for (int i = 0; i < EACH; i++) {
        const int at = threadIdx.x + 1024 * i;
        if (!(mine[i] > NEVER)) continue;
        mine[i] = expf(mine[i] - top) / noise[(size_t)book * tokens + at];
        if (mine[i] > most) most = mine[i], place = at;
    }
    for (int round = 0; round < 2; round++) {
        for (int step = 16; step; step /= 2) {
            float one = __shfl_xor_sync(0xffffffffu, most, step);
            int there = __shfl_xor_sync(0xffffffffu, place, step);
            if (one > most || (one == most && there < place)) most = one, place = there;
        }
        if (round) break;
        if (!lane) tops[warp] = most, places[warp] = place;
        __syncthreads();
        most = tops[lane], place = places[lane];
    }

    if (!threadIdx.x) {
        drawn[book] = place;
        __threadfence();
        *kept = (int)atomicAdd(count, 1u);
    }
    __syncthreads();
    if (*kept + 1 < books) return;
    __threadfence();
    const volatile int *found = drawn;
    const int one = min((int)threadIdx.x, books - 1);
    const long long known = grid[next * books + one], first = grid[next * books];
    long long code = known < 0 ? (long long)found[one] : known, last = *ends;
    if ((first < 0 ? (long long)found[0] : first) == eos && next < last) last = next;
    const long long due = last + delays[one];
    if (next == due) code = eos;
    if (next > due) code = pad;
    __syncthreads();
    if ((int)threadIdx.x < books) grid[next * books + one] = code;
    if (!threadIdx.x) *ends = last, *position = next, *count = 0;
}
