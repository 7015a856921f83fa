"""The CUDA kernel that settles the working set."""

from functools import cache
from typing import Any

from finemo_zarr_cupy.bank import Bank
from finemo_zarr_cupy.batch import Batch
from finemo_zarr_cupy.columns import SETTLED, Columns
from finemo_zarr_cupy.settle import Clusters

LANES = 32
_WARPS = 4  # of a block

SOURCE = r"""
// One warp settles one cluster. Its lanes share the numbers under a core; each sum is the same, to
// the last bit, in all lanes, so that all take the same branches.

__device__ double sum_of_lanes(double part)
{
    for (int offset = LANES / 2; offset > 0; offset /= 2)
        part += __shfl_xor_sync(0xffffffffu, part, offset);
    return part;
}

// Weight of a motif at one of the numbers under its core, which starts at `codes`.
__device__ double weight_at(const double *weights, const unsigned char *codes, int rows, int number)
{
    if (rows != 1)
        return weights[number];
    const int base = codes[number];
    return base < 4 ? weights[4 * number + base] : 0.0;
}

extern "C" __global__ void settle(
    const int rows,                  // numbers per place of the scores: 1 or 4
    const int widest,                // core, in bases
    const double *bank_weights,      // (motif, 4 * widest)
    const long long *bank_cores,     // (motif,), in bases
    const double *bank_lambdas,      // (motif,)
    const unsigned char *codes,      // (place,)
    const int n_clusters,
    const int *first,                // (cluster + 1,): columns
    const int *budget,               // (cluster,): sweeps
    const long long *place,          // (column,), as all that follow
    const long long *motif,
    const double *scale,
    const double *norm,
    const int *left,
    const int *right,
    unsigned char *waiting,          // 1 at the start
    double *coefficient,
    double *residual,                // (place * rows,)
    int *taken)                      // (cluster,): sweeps
{
    const int lane = threadIdx.x % LANES;
    const int cluster = (blockIdx.x * blockDim.x + threadIdx.x) / LANES;
    if (cluster >= n_clusters)
        return;
    int sweeps = 0;
    bool moving = true;
    while (moving && sweeps < budget[cluster]) {
        moving = false;
        ++sweeps;
        for (int column = first[cluster]; column < first[cluster + 1]; ++column) {
            const bool due = waiting[column];
            const double old = coefficient[column];
            const double *weights = bank_weights + motif[column] * 4 * widest;
            const unsigned char *under = codes + place[column];
            double *left_over = residual + place[column] * rows;
            const int numbers = (int)bank_cores[motif[column]] * rows;
            double product = 0.0;
            if (due)
                for (int number = lane; number < numbers; number += LANES)
                    product += weight_at(weights, under, rows, number) * left_over[number];
            __syncwarp();  // all lanes have read before any of them writes
            if (!due)
                continue;
            product = sum_of_lanes(product) * scale[column];
            const double slope = product - bank_lambdas[motif[column]];
            const double step = fmax(0.0, old + slope / norm[column]) - old;
            const bool moved = step * step * norm[column] > SETTLED * SETTLED;
            if (moved) {
                moving = true;
                const double change = step * scale[column];
                for (int number = lane; number < numbers; number += LANES)
                    left_over[number] -= change * weight_at(weights, under, rows, number);
                for (int other = left[column] + lane; other < right[column]; other += LANES)
                    if (other != column)
                        waiting[other] = 1;
            }
            if (lane == 0) {
                waiting[column] = 0;
                if (moved)
                    coefficient[column] = old + step;
            }
            __syncwarp();  // all is written before any lane reads on
        }
    }
    if (lane == 0)
        taken[cluster] = sweeps;
}
"""


def source(lanes: int = LANES) -> str:
    """Return the text of the kernel for warps of so many lanes."""
    return f"#define LANES {lanes}\n#define SETTLED {SETTLED!r}\n{SOURCE}"


def arguments(xp: Any, bank: Bank, batch: Batch, columns: Columns, clusters: Clusters) -> list[Any]:
    """Arguments of the kernel in their order; the last is the array of sweeps taken."""
    return [
        xp.int32(batch.rows),
        xp.int32(bank.widest),
        bank.weights,
        bank.cores,
        bank.lambdas,
        batch.codes,
        xp.int32(clusters.budget.size),
        clusters.first,
        clusters.budget,
        columns.place,
        columns.motif,
        columns.scale,
        columns.norm,
        clusters.left,
        clusters.right,
        xp.ones(columns.count, dtype=xp.uint8),
        columns.coefficient,
        batch.residual,
        xp.zeros(clusters.budget.size, dtype=xp.int32),
    ]


def settle_warps(xp: Any, bank: Bank, batch: Batch, columns: Columns, clusters: Clusters) -> Any:
    """Settle with the kernel, in the stream that is current."""
    given = arguments(xp, bank, batch, columns, clusters)
    blocks = -(-clusters.budget.size // _WARPS)
    _compiled()((blocks,), (_WARPS * LANES,), tuple(given))
    return given[-1]


@cache
def _compiled() -> Any:
    import cupy

    return cupy.RawKernel(source(), "settle")
