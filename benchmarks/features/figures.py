"""What is computed: 24 windowed aggregates and 3 "days since", all by both clocks."""

from __future__ import annotations

from typing import Final

from features.catalogue.aggregates import Aggregate, Op

ORDER_DAYS: Final = (28, 91, 182, 364)

WINDOWED: Final = {
    **{f"orders_{d}d": Aggregate(Op.COUNT, "order", d) for d in ORDER_DAYS},
    **{f"spend_{d}d": Aggregate(Op.SUM, "order", d, "value_minor") for d in ORDER_DAYS},
    **{f"items_{d}d": Aggregate(Op.SUM, "order", d, "quantity") for d in (91, 364)},
    "largest_order_182d": Aggregate(Op.MAX, "order", 182, "value_minor"),
    **{f"order_days_{d}d": Aggregate(Op.DAYS, "order", d) for d in (91, 364)},
    "gaps_364d": Aggregate(Op.GAP_COUNT, "order", 364),
    "gap_sum_364d": Aggregate(Op.GAP_SUM, "order", 364),
    "gap_squares_364d": Aggregate(Op.GAP_SUM_OF_SQUARES, "order", 364),
    **{f"views_{d}d": Aggregate(Op.COUNT, "product_view", d) for d in (7, 28, 91)},
    "view_days_28d": Aggregate(Op.DAYS, "product_view", 28),
    **{f"entropy_{d}d": Aggregate(Op.CATEGORY_ENTROPY, "product_view", d) for d in (91, 364)},
    **{f"messages_{d}d": Aggregate(Op.COUNT, "message_sent", d) for d in (28, 91)},
}
"""Entropies are in nats and the only figures that are not whole; 0 where nothing happened."""

LAST: Final = {
    "days_since_order": Aggregate(Op.LAST_AT, "order"),
    "days_since_view": Aggregate(Op.LAST_AT, "product_view"),
    "days_since_message": Aggregate(Op.LAST_AT, "message_sent"),
}
"""Days as a real number; missing where there never was one."""

FIGURES: Final = tuple(WINDOWED | LAST)
