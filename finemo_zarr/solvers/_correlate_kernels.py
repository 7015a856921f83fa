"""Vector instructions for the one pass that dominates: residual times motifs, many at a time.

Numba's vectoriser does not keep a block of sums in registers across the loop that they belong to.
The two intrinsics below write that loop out for LLVM: `POSITIONS` positions times `LANES` motifs,
one multiply-add each per step, no store until the end. LLVM maps the 16-lane vectors to whatever
the machine has.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

LANES = 16
POSITIONS = 4

_F32 = ir.FloatType()
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_VECTOR = ir.VectorType(_F32, LANES)
_UNDEFINED = ir.Constant(_VECTOR, ir.Undefined)
_FUSED = ("contract",)


def _integer(value: int) -> ir.Constant:
    return ir.Constant(_I64, value)


class _TileWriter:
    """Writes the code of one tile; the arguments are those of :func:`correlate_projected`."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any, coded: bool) -> None:
        self.builder, self.coded = builder, coded
        arrays = [
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, args, strict=True)
        ]
        self.residual, self.rows, self.table, self.table_start, self.steps = arrays[:5]
        self.positions, self.first, self.thresholds, self.products = arrays[5:]

    def write(self) -> Any:
        """Emit the tile; returns a bit per position, set where a product exceeds its threshold."""
        products = self._multiply([self._position(index) for index in range(POSITIONS)])
        exceeded = _integer(0)
        for index, product in enumerate(products):
            self._store(product, index)
            bit = self.builder.zext(self._exceeds(product, index), _I64)
            exceeded = self.builder.or_(exceeded, self.builder.shl(bit, _integer(index)))
        return exceeded

    def _multiply(self, starts: list[Any]) -> list[Any]:
        builder, before = self.builder, self.builder.block
        loop = builder.append_basic_block("tile.loop")
        after = builder.append_basic_block("tile.after")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(_I64)
        step.add_incoming(_integer(0), before)
        sums = [builder.phi(_VECTOR) for _ in starts]
        row = builder.mul(step, _integer(LANES * (4 if self.coded else 1)))
        base = builder.add(self.table_start, row)
        added = []
        for total, start in zip(sums, starts, strict=True):
            total.add_incoming(ir.Constant(_VECTOR, [0.0] * LANES), before)
            added.append(self._add_product(total, builder.add(start, step), base))
            total.add_incoming(added[-1], loop)
        advanced = builder.add(step, _integer(1))
        step.add_incoming(advanced, loop)
        builder.cbranch(builder.icmp_signed("<", advanced, self.steps), loop, after)
        builder.position_at_end(after)
        return added

    def _add_product(self, total: Any, at: Any, base: Any) -> Any:
        builder = self.builder
        if self.coded:
            code = builder.sext(builder.load(builder.gep(self.rows, [at])), _I64)
            base = builder.add(base, code)
        weights = self._vector(builder.gep(self.table, [base]))
        residual = self._splat(builder.load(builder.gep(self.residual, [at])))
        product = builder.fmul(residual, weights, flags=_FUSED)
        return builder.fadd(product, total, flags=_FUSED)

    def _position(self, index: int) -> Any:
        return self.builder.sext(self._element(self.positions, index), _I64)

    def _exceeds(self, product: Any, index: int) -> Any:
        threshold = self._splat(self._element(self.thresholds, index))
        lanes = self.builder.fcmp_ordered(">", product, threshold)
        mask = self.builder.bitcast(lanes, ir.IntType(LANES))
        return self.builder.icmp_unsigned("!=", mask, ir.Constant(ir.IntType(LANES), 0))

    def _element(self, array: Any, index: int) -> Any:
        at = self.builder.add(self.first, _integer(index))
        return self.builder.load(self.builder.gep(array, [at]))

    def _vector(self, pointer: Any) -> Any:
        return self.builder.load(self.builder.bitcast(pointer, _VECTOR.as_pointer()), align=4)

    def _store(self, product: Any, index: int) -> None:
        pointer = self.builder.gep(self.products, [_integer(index * LANES)])
        self.builder.store(product, self.builder.bitcast(pointer, _VECTOR.as_pointer()), align=4)

    def _splat(self, value: Any) -> Any:
        single = self.builder.insert_element(_UNDEFINED, value, ir.Constant(_I32, 0))
        lanes = ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
        return self.builder.shuffle_vector(single, _UNDEFINED, lanes)


def _signature(*kinds: Any) -> Any:
    return types.uint64(*kinds)


@intrinsic
def correlate_projected(
    _typing: Any,
    residual: Any,
    rows: Any,
    table: Any,
    table_start: Any,
    steps: Any,
    positions: Any,
    first: Any,
    thresholds: Any,
    products: Any,
) -> Any:
    """Products of one group of motifs with the residual at `POSITIONS` positions.

    Parameters
    ----------
    residual : array of float32
        Residual, one number per base, padded with zeros.
    rows : array of int32
        ``LANES`` times the base code, padded.
    table : array of float32
        Weights as ``[step, base, lane]`` from `table_start`.
    table_start, steps : int
        Where the group's weights begin; how many bases wide they are.
    positions : array of int32
        Where the cores start; those from `first` on are used.
    first : int
        Index into `positions` and `thresholds`.
    thresholds : array of float32
        Per position.
    products : array of float32, ``(POSITIONS * LANES,)``
        Written.

    Returns
    -------
    int
        Bit `i` is set where any lane at position `i` exceeds its threshold.
    """
    kinds = (residual, rows, table, table_start, steps, positions, first, thresholds, products)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _TileWriter(context, builder, signature, args, coded=True).write()

    return _signature(*kinds), generate


@intrinsic
def correlate_hypothetical(
    _typing: Any,
    residual: Any,
    rows: Any,
    table: Any,
    table_start: Any,
    steps: Any,
    positions: Any,
    first: Any,
    thresholds: Any,
    products: Any,
) -> Any:
    """As :func:`correlate_projected`, for four numbers per base.

    `residual` is ``[position, base]``, `steps` counts numbers, `positions` index numbers, the
    weights are ``[step, lane]`` and `rows` is not read.
    """
    kinds = (residual, rows, table, table_start, steps, positions, first, thresholds, products)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _TileWriter(context, builder, signature, args, coded=False).write()

    return _signature(*kinds), generate
