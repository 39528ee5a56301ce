"""A line search: finds a step in a given direction that lowers the loss enough and flattens its
slope.

The algorithm is that of Moré & Thuente, "Line search algorithms with guaranteed sufficient
decrease", ACM TOMS 20 (1994), with the settings of L-BFGS-B (Zhu et al., 1997). φ(t) is the loss at
step t in the direction of search, φ'(t) its slope.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

SUFFICIENT_DECREASE = 1e-3  # φ(t) ≤ φ(0) + this · t φ'(0)
CURVATURE = 0.9  # |φ'(t)| ≤ this · |φ'(0)|
NARROWEST = 0.1  # relative width of the bracket that ends the search
LONGEST = 1e10
MOST_EVALUATIONS = 20


@dataclass(frozen=True)
class Point:
    """A step `t`, the loss φ(t) there and its slope φ'(t)."""

    t: float
    loss: float
    slope: float

    def tilted(self, slope: float) -> "Point":
        """The same step on φ(t) - slope · t."""
        return Point(self.t, self.loss - self.t * slope, self.slope - slope)


def line_search(
    evaluate: Callable[[float], tuple[float, float]], start: Point, first: float
) -> Point | None:
    """The point to accept, or None if there is none within MOST_EVALUATIONS.

    Args:
        evaluate: gives φ(t) and φ'(t) of a step t. The last call is for the accepted one.
        start: the point t = 0, with a negative slope.
        first: the step to try first.
    """
    wanted = SUFFICIENT_DECREASE * start.slope
    best = other = start  # the ends of the bracket; `best` has the lowest loss so far
    bracketed, first_stage = False, True
    width, width_before = LONGEST, 2 * LONGEST
    low, high, t = 0.0, 5 * first, first
    for _ in range(MOST_EVALUATIONS):
        here = Point(t, *evaluate(t))
        if not math.isfinite(here.loss) or not math.isfinite(here.slope):
            return None
        enough = here.loss <= start.loss + t * wanted
        if enough and abs(here.slope) <= CURVATURE * -start.slope:
            return here
        if bracketed and (not low < t < high or high - low <= NARROWEST * high):
            return here
        if t == LONGEST and enough and here.slope <= wanted:
            return here
        first_stage = first_stage and not (enough and here.slope >= 0)
        # until a step is low enough, search on a tilted loss, which such a step minimizes
        tilt = wanted if first_stage and here.loss <= best.loss and not enough else 0.0
        ends = best.tilted(tilt), other.tilted(tilt)
        try:
            ends, t, bracketed = _next(*ends, here.tilted(tilt), bracketed, low, high)
        except ZeroDivisionError:  # losses and slopes that rounding has made equal
            return None
        best, other = (end.tilted(-tilt) for end in ends)
        if bracketed:
            if abs(other.t - best.t) >= 0.66 * width_before:
                t = best.t + 0.5 * (other.t - best.t)
            width, width_before = abs(other.t - best.t), width
            low, high = sorted((best.t, other.t))
        else:
            low, high = t + 1.1 * (t - best.t), t + 4 * (t - best.t)
        t = min(max(t, 0.0), LONGEST)
        if bracketed and (not low < t < high or high - low <= NARROWEST * high):
            t = best.t
    return None


def _next(
    best: Point, other: Point, here: Point, bracketed: bool, low: float, high: float
) -> tuple[tuple[Point, Point], float, bool]:
    """The new ends of the bracket, the step to try next, and whether a minimum is bracketed."""
    turned = here.slope * math.copysign(1.0, best.slope) < 0
    if here.loss > best.loss:  # the minimum lies between the two
        cubic, quadratic = _cubic(best, here), _quadratic(best, here)
        closer = abs(cubic - best.t) < abs(quadratic - best.t)
        t = cubic if closer else cubic + (quadratic - cubic) / 2
        return (best, here), t, True
    if turned:  # likewise, because the slope changes its sign
        cubic, secant = _cubic(here, best), _secant(here, best)
        t = cubic if abs(cubic - here.t) > abs(secant - here.t) else secant
        return (here, best), t, True
    if abs(here.slope) < abs(best.slope):  # lower and flatter: go on, with care
        cubic, secant = _cubic_ahead(here, best, low, high), _secant(here, best)
        if bracketed:
            t = cubic if abs(cubic - here.t) < abs(secant - here.t) else secant
            limit = here.t + 0.66 * (other.t - here.t)
            t = min(limit, t) if here.t > best.t else max(limit, t)
        else:
            t = cubic if abs(cubic - here.t) > abs(secant - here.t) else secant
            t = max(low, min(high, t))
    elif bracketed:
        t = _cubic(here, other)
    else:
        t = high if here.t > best.t else low
    return (here, other), t, bracketed


def _cubic(a: Point, b: Point) -> float:
    """Where the cubic through the losses and slopes of a and b has its minimum."""
    theta, gamma = _theta_gamma(a, b)
    gamma = -gamma if b.t < a.t else gamma
    r = ((gamma - a.slope) + theta) / (((gamma - a.slope) + gamma) + b.slope)
    return a.t + r * (b.t - a.t)


def _cubic_ahead(here: Point, best: Point, low: float, high: float) -> float:
    """Where the cubic through the losses and slopes of both has its minimum, if that lies beyond
    `here`; else `high` or, if `here` is before `best`, `low`."""
    theta, gamma = _theta_gamma(best, here)
    gamma = -gamma if here.t > best.t else gamma
    r = ((gamma - here.slope) + theta) / ((gamma + (best.slope - here.slope)) + gamma)
    if r < 0 and gamma != 0:
        return here.t + r * (best.t - here.t)
    return high if here.t > best.t else low


def _theta_gamma(a: Point, b: Point) -> tuple[float, float]:
    """The coefficients θ and γ ≥ 0 of the cubic's minimum."""
    theta = 3 * (a.loss - b.loss) / (b.t - a.t) + a.slope + b.slope
    scale = max(abs(theta), abs(a.slope), abs(b.slope))
    square = (theta / scale) ** 2 - (a.slope / scale) * (b.slope / scale)
    return theta, scale * math.sqrt(max(0.0, square))


def _quadratic(a: Point, b: Point) -> float:
    """Where the parabola through both losses and the slope of a has its minimum."""
    return a.t + ((a.slope / ((a.loss - b.loss) / (b.t - a.t) + a.slope)) / 2) * (b.t - a.t)


def _secant(a: Point, b: Point) -> float:
    """Where the line through both slopes is 0."""
    return a.t + a.slope / (a.slope - b.slope) * (b.t - a.t)
