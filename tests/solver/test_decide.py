"""What a descent does next, as a table: no rows, no matrices."""

from math import inf

import pytest

from fastglm.solver.decide import Control, State, decide, expected

PLAIN = Control(tol=1e-8, curvature_tol=1e-6, score_cost=0.5)
CHEAP = PLAIN._replace(score_cost=0.1)
NO_ERRORS = PLAIN._replace(need_information=False, curvature_if_cheaper=True)
NOT_CANONICAL = PLAIN._replace(canonical=False)
IRLS = PLAIN._replace(reuse_curvature=False)
TRUSTING = PLAIN._replace(trust_radius_se=5.0)

# what it is, the options, what is known, and what is done: (kind, order, tries)
TABLE = [
    ("far away, Newton's step brings a curvature", PLAIN, State(3.0), ("search", 2, 40)),
    ("scores that cost little come first from afar", CHEAP, State(3.0), ("search", 1, 40)),
    ("no errors are wanted, so no curvature is, where scores are cheap", NO_ERRORS._replace(score_cost=0.1),
     State(3.0), ("search", 1, 40)),
    ("but where Newton's steps end sooner", NO_ERRORS, State(3.0), ("search", 2, 40)),
    ("as from here, of which one ends it", NO_ERRORS,
     State(1e-3, contraction=0.05, drift=0.5, fresh=False), ("search", 2, 1)),
    ("not where another score or two do", NO_ERRORS,
     State(1e-5, contraction=0.01, drift=0.5, fresh=False), ("search", 1, 1)),
    ("nor for a solver that goes by scores", NO_ERRORS._replace(curvature_if_cheaper=False),
     State(3.0), ("search", 1, 40)),
    ("nor where steps are not Newton's own", NO_ERRORS._replace(canonical=False), State(3.0), ("search", 1, 40)),
    ("IRLS makes one at every step", IRLS, State(3.0, contraction=0.01), ("search", 2, 40)),
    ("near, a step squares the distance to the tolerance", PLAIN, State(1e-6), ("stop", 1, 40)),
    ("but its curvature was made too far away", PLAIN, State(1e-5, drift=0.1, fresh=False), ("search", 2, 1)),
    ("no matter where no errors are wanted", NO_ERRORS, State(1e-9, drift=0.1, fresh=False), ("stop", 1, 40)),
    ("an old curvature still contracts well", PLAIN, State(1e-3, contraction=1e-3, drift=0.5, fresh=False),
     ("search", 2, 1)),
    ("and one that needs few more scores is kept", CHEAP, State(1e-3, contraction=1e-2, drift=0.5, fresh=False),
     ("search", 1, 3)),
    ("one that contracts no longer is made again", CHEAP, State(1.0, contraction=0.9, drift=0.5, fresh=False),
     ("search", 2, 3)),
    ("not far out, where it is soon an old one", CHEAP, State(30.0, contraction=0.9, drift=0.5, fresh=False),
     ("search", 1, 3)),
    ("but at a standstill", CHEAP, State(30.0, contraction=0.99, drift=0.5, fresh=False), ("search", 2, 3)),
    ("the last one waits for a cheap score more, in case the step leaves more than the one before", CHEAP,
     State(1e-5, contraction=0.08, drift=0.5, fresh=False), ("search", 1, 3)),
    ("not where scores cost", PLAIN, State(1e-5, contraction=0.08, drift=0.5, fresh=False), ("search", 2, 1)),
    ("without errors one is made where cheap scores gain little", NO_ERRORS._replace(score_cost=0.1),
     State(0.1, contraction=0.9, drift=0.5, fresh=False), ("search", 2, 3)),
    ("a sample's is not followed beyond its trust", TRUSTING, State(6.0, drift=inf, fresh=False), ("renew", 1, 40)),
    ("within it it is", TRUSTING, State(4.0, contraction=0.1, drift=inf, fresh=False), ("search", 2, 1)),
    ("a diagonal is never renewed", TRUSTING, State(6.0, drift=inf, fresh=False, diagonal=True), ("search", 2, 40)),
    ("rounding hides the step", PLAIN, State(1e-4, last=1e-3, hidden=lambda: True), ("stop", 1, 40)),
    ("but says nothing of an old curvature", PLAIN,
     State(1e-4, last=1e-3, contraction=0.1, drift=0.1, fresh=False, hidden=lambda: True), ("search", 1, 1)),
    ("it rests where rounding leaves no less", NOT_CANONICAL,
     State(1e-5, last=1.1e-5, contraction=0.9, rounding=lambda: 2e-5), ("stop", 1, 40)),
    ("not while it still shrinks", NOT_CANONICAL,
     State(1e-5, last=1e-4, contraction=0.1, rounding=lambda: 2e-5), ("search", 1, 40)),
    ("nor beyond what rounding leaves", NOT_CANONICAL,
     State(1e-3, last=1.1e-3, contraction=0.9, rounding=lambda: 2e-5), ("search", 2, 40)),
]  # fmt: skip


@pytest.mark.parametrize("control, state, action", [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_next_action(control, state, action):
    found = decide(control, state)
    assert (found.kind, found.order, found.tries) == action
    if found.kind == "stop":
        assert found.left <= state.distance


def test_the_distance_after_a_step():
    assert expected(PLAIN, 1e-3, 0.5, True) == 1e-6
    assert expected(PLAIN._replace(newton_constant=0.1), 1e-3, 0.5, True) == pytest.approx(1e-7)
    assert expected(PLAIN, 3.0, 0.5, True) == 3.0
    assert expected(PLAIN, 1e-3, 0.5, False) == 5e-4
    assert expected(PLAIN, 1e-3, 1e-9, False) == 1e-5  # no step is trusted with more than two digits
    assert expected(PLAIN, 1e-3, 7.0, False) == 1e-3


def test_rounding_is_asked_for_only_where_it_matters():
    def never():
        raise AssertionError("asked for")

    decide(PLAIN, State(3.0, last=9.0, contraction=0.3, drift=1.0, fresh=False, hidden=never, rounding=never))
    decide(NOT_CANONICAL, State(3.0, last=9.0, contraction=0.3, rounding=never))
