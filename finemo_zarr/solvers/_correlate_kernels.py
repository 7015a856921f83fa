"""Vector instructions for the one pass that dominates: residual times motifs, many at a time.

Numba's vectoriser does not keep a block of sums in registers across the loop that they belong to.
The intrinsics below write that loop out for LLVM: `POSITIONS` positions times 16 or 32 motifs
(lanes), one multiply-add each per step, no store until the end. LLVM maps the vectors to whatever
the machine has. More lanes share what is read per position, but want more motifs of equal width.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

POSITIONS = 4
FEW_LANES = 16
MANY_LANES = 32

_F32 = ir.FloatType()
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_FUSED = ("contract",)


def _integer(value: int) -> ir.Constant:
    return ir.Constant(_I64, value)


class _TileWriter:
    """Writes the code of the tiles; the arguments are those of the intrinsics below."""

    def __init__(self, builder: Any, arguments: list[Any], *, coded: bool, lanes: int) -> None:
        self.builder, self.coded, self.lanes = builder, coded, lanes
        self.vector = ir.VectorType(_F32, lanes)
        self.residual, self.codes, self.table, self.table_start, self.steps = arguments[:5]
        self.positions, self.first, self.listed, self.thresholds, self.products = arguments[5:]

    def write(self) -> Any:
        """Emit the loop over tiles; returns the first position of the tile it ends at."""
        builder, before, begin = self.builder, self.builder.block, self.first
        blocks = [builder.append_basic_block(f"tile.{name}") for name in ("begin", "next", "end")]
        builder.branch(blocks[0])
        builder.position_at_end(blocks[0])
        self.first = builder.phi(_I64)
        self.first.add_incoming(begin, before)
        products = self._multiply([self._position(index) for index in range(POSITIONS)])
        exceeded = self._exceeds(products[0], 0)
        for index, product in enumerate(products):
            self._store(product, index)
            exceeded = builder.or_(exceeded, self._exceeds(product, index))
        multiplied = builder.block
        builder.cbranch(exceeded, blocks[2], blocks[1])
        builder.position_at_end(blocks[1])
        following = builder.add(self.first, _integer(POSITIONS))
        self.first.add_incoming(following, blocks[1])
        builder.cbranch(builder.icmp_signed("<", following, self.listed), blocks[0], blocks[2])
        builder.position_at_end(blocks[2])
        stopped = builder.phi(_I64)
        stopped.add_incoming(self.first, multiplied)
        stopped.add_incoming(following, blocks[1])
        return stopped

    def _multiply(self, starts: list[Any]) -> list[Any]:
        builder, before = self.builder, self.builder.block
        loop = builder.append_basic_block("tile.loop")
        after = builder.append_basic_block("tile.after")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(_I64)
        step.add_incoming(_integer(0), before)
        sums = [builder.phi(self.vector) for _ in starts]
        row = builder.mul(step, _integer(self.lanes * (4 if self.coded else 1)))
        base = builder.add(self.table_start, row)
        added = []
        for total, start in zip(sums, starts, strict=True):
            total.add_incoming(ir.Constant(self.vector, [0.0] * self.lanes), before)
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
            code = builder.sext(builder.load(builder.gep(self.codes, [at])), _I64)
            base = builder.add(base, builder.mul(code, _integer(self.lanes)))
        weights = builder.load(self._vectors(builder.gep(self.table, [base])), align=4)
        residual = self._splat(builder.load(builder.gep(self.residual, [at])))
        product = builder.fmul(residual, weights, flags=_FUSED)
        return builder.fadd(product, total, flags=_FUSED)

    def _position(self, index: int) -> Any:
        return self.builder.sext(self._element(self.positions, index), _I64)

    def _exceeds(self, product: Any, index: int) -> Any:
        threshold = self._splat(self._element(self.thresholds, index))
        mask_type = ir.IntType(self.lanes)
        above = self.builder.fcmp_ordered(">", product, threshold)
        mask = self.builder.bitcast(above, mask_type)
        return self.builder.icmp_unsigned("!=", mask, ir.Constant(mask_type, 0))

    def _element(self, array: Any, index: int) -> Any:
        at = self.builder.add(self.first, _integer(index))
        return self.builder.load(self.builder.gep(array, [at]))

    def _vectors(self, pointer: Any) -> Any:
        return self.builder.bitcast(pointer, self.vector.as_pointer())

    def _store(self, product: Any, index: int) -> None:
        pointer = self.builder.gep(self.products, [_integer(index * self.lanes)])
        self.builder.store(product, self._vectors(pointer), align=4)

    def _splat(self, value: Any) -> Any:
        undefined = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(undefined, value, ir.Constant(_I32, 0))
        first = ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(single, undefined, first)


def _tile(*, coded: bool, lanes: int) -> Any:
    """Make the intrinsic for scores of one number per base (`coded`) or four, and so many lanes.

    It takes

    - the residual (float32, ``[position, row]``, zeros behind),
    - base codes (int32; read only if `coded`),
    - the table of weights (float32, ``[step, base, lane]``) and where in it the group begins,
    - the number of steps, one for each number under the core,
    - the positions (int32, as indices into the residual), from which of them on, and how many
      there are in all, a multiple of `POSITIONS` and not 0,
    - a threshold for each of these,
    - the products to write (float32, ``[position, lane]``).

    It goes on from tile to tile until a product exceeds its threshold, and returns where that tile
    begins, or the number of positions. The products are those of this tile.
    """

    @intrinsic
    def correlate(  # type: ignore[no-untyped-def]
        _typing, residual, codes, table, start, steps, positions, first, listed, floors, products
    ):
        scores = (residual, codes, table, start, steps)
        kinds = (*scores, positions, first, listed, floors, products)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            arguments = [
                context.make_array(kind)(context, builder, value).data
                if isinstance(kind, types.Array)
                else value
                for kind, value in zip(signature.args, args, strict=True)
            ]
            return _TileWriter(builder, arguments, coded=coded, lanes=lanes).write()

        return types.int64(*kinds), generate

    return correlate


correlate_projected_few = _tile(coded=True, lanes=FEW_LANES)
correlate_projected_many = _tile(coded=True, lanes=MANY_LANES)
correlate_hypothetical_few = _tile(coded=False, lanes=FEW_LANES)
correlate_hypothetical_many = _tile(coded=False, lanes=MANY_LANES)
