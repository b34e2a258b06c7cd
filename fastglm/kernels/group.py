"""Grouping of equal rows: an open-addressing hash table over the words of a row, and sums over its groups."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import carray, types

from . import verbs
from .compile import address_of, at, call, doubles, fingerprint, inner, jit, revive

DEVIANCE = types.int64(*[types.int64] * 5)
BLOCK = 1024  # rows whose deviances are found together
# the golden ratio of SplitMix64, and the first multiplier of MurmurHash3's finaliser
SEED, MULTIPLIER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD)
HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
NEW = -2  # the number of a group that is not in the table yet
ONE, TAG = np.uint64(1), np.uint64(0xFFFFFFFF00000000)

# the columns of the sums over a group's rows
WEIGHT, WEIGHT_LOW, WEIGHTED_Y, WEIGHTED_Y_LOW, SQUARES_OF_WEIGHTS, COUNT = range(6)
FIRST = 6  # columns of the first pass
WITHIN, MEAT_SQUARE, MEAT_CROSS, GAPS = range(4)
SECOND = 4  # columns of the second pass


@jit()
def hashes(keys, n, out):
    """A 64-bit hash of each of the first n rows of words; every bit of it depends on every bit of the row."""
    for i in range(n):
        h = SEED
        for j in range(keys.shape[1]):
            h = (h ^ keys[i, j]) * MULTIPLIER
            h ^= h >> HALF
        h *= MULTIPLIER
        out[i] = h ^ (h >> HALF)


@jit()
def settle(keys, found, weight, n, slots, groups, ids):
    """Give rows whose group is known and in its first slot its number, others -2, those of weight zero -1.

    In two loops without a search, so that the processor waits for many rows' memory at a time.
    """
    mask, k = np.uint64(slots.size - 1), groups.shape[1]
    for i in range(n):
        slot = slots[found[i] & mask]
        g = np.int64(slot & LOW) - 1
        # an empty slot has the group -1
        ids[i] = g if (slot ^ found[i]) & TAG == 0 and g >= 0 else NEW
    for i in range(n):
        g = ids[i]
        if g >= 0:
            same = True
            for j in range(k):
                same &= groups[g, j] == keys[i, j]
            ids[i] = g if same else NEW
        if not weight[i] > 0.0:
            ids[i] = -1


@jit()
def place(keys, found, begin, n, base, slots, groups, group_hash, first, n_groups, ids):
    """Give unsettled rows ``begin`` to n the numbers of their groups, new ones in order of appearance.

    A slot holds the upper half of a hash beside the group's number plus one; rows are compared word by word.

    Parameters
    ----------
    keys : (n, k) uint64
    found : (n,) uint64
        Their hashes.
    base : int
        The number of the first row, counted over all calls.
    slots : (2^b,) uint64
        Zero where empty; at most half of them are filled.
    groups : (room, k) uint64, group_hash : (room,) uint64, first : (room,) int64
        The words, hash and first row of each group.
    ids : (n,) int32
        Those of ``settle``; overwritten.

    Returns
    -------
    int, int
        The row to go on with, n where all are placed, and the number of groups.
    """
    mask, room, k = np.uint64(slots.size - 1), groups.shape[0], keys.shape[1]
    for i in range(begin, n):
        if ids[i] != NEW:
            continue
        h = found[i]
        spot = h & mask
        while True:
            slot = slots[spot]
            if slot == 0:
                if n_groups == room:
                    return i, n_groups
                for j in range(k):
                    groups[n_groups, j] = keys[i, j]
                group_hash[n_groups], first[n_groups] = h, base + i
                ids[i] = n_groups
                n_groups += 1
                slots[spot] = (h & TAG) | np.uint64(n_groups)
                break
            if (slot ^ h) & TAG == 0:
                g = np.int64(slot & LOW) - 1
                same = True
                for j in range(k):
                    same &= groups[g, j] == keys[i, j]
                if same:
                    ids[i] = g
                    break
            spot = (spot + ONE) & mask
    return n, n_groups


@jit()
def refill(slots, group_hash, n_groups):
    """Enter the groups again into larger, empty slots."""
    mask = np.uint64(slots.size - 1)
    for g in range(n_groups):
        h = group_hash[g]
        spot = h & mask
        while slots[spot] != 0:
            spot = (spot + ONE) & mask
        slots[spot] = (h & TAG) | np.uint64(g + 1)


@jit()
def renumber(ids, numbers):
    """The groups' other numbers, in place."""
    for i in range(ids.size):
        if ids[i] >= 0:
            ids[i] = numbers[ids[i]]


@jit()
def append_digit(codes, levels, word):
    """word = levels word + code + 1, where a negative code counts as -1."""
    for i in range(codes.size):
        word[i] = word[i] * levels + (codes[i] + 1.0 if codes[i] >= 0 else 0.0)


@inner()
def add_exactly(sums, g, high, low, term):
    """Add a term to one sum and what its rounding loses to another (Neumaier 1974)."""
    s = sums[g, high]
    total = s + term
    sums[g, low] += (s - total) + term if abs(s) >= abs(term) else (term - total) + s
    sums[g, high] = total


@jit()
def add_first(ids, y, w, q, f, sums):
    """Add rows to their groups' sums (groups, FIRST) of w, w y, q and f."""
    for i in range(ids.size):
        g = ids[i]
        if g < 0:
            continue
        # both alike, so that the mean of ones is one
        add_exactly(sums, g, WEIGHT, WEIGHT_LOW, w[i])
        add_exactly(sums, g, WEIGHTED_Y, WEIGHTED_Y_LOW, w[i] * y[i])
        sums[g, SQUARES_OF_WEIGHTS] += q[i]
        sums[g, COUNT] += f[i]


@jit()
def add_second(ids, y, w, q, means, deviance, par, sums):
    """Add rows to their groups' sums (groups, SECOND) of w r^2, q r^2, q r and w d(y, mean), with r = y - mean.

    ``deviance`` is the address of the family's loop, ``means`` (groups,).
    """
    mean, d = np.empty(BLOCK), np.empty(BLOCK)
    for b in range(0, ids.size, BLOCK):
        n = min(BLOCK, ids.size - b)
        for i in range(n):
            g = ids[b + i]
            mean[i] = means[g] if g >= 0 else 1.0
        call(deviance, (n, at(par), at(y) + 8 * b, at(mean), at(d)))
        for i in range(n):
            row = b + i
            g = ids[row]
            if g < 0:
                continue
            r = y[row] - mean[i]
            sums[g, WITHIN] += w[row] * r * r
            sums[g, MEAT_SQUARE] += q[row] * r * r
            sums[g, MEAT_CROSS] += q[row] * r
            # at the end of the support the formula may be 0/0, and there every y is the mean
            sums[g, GAPS] += w[row] * d[i] if r != 0.0 else 0.0


@jit()
def unit_deviances(deviance, par, y, mu, d):
    """A family's loop over whole arrays."""
    call(deviance, (y.size, at(par), at(y), at(mu), at(d)))


@cache
def unit_deviance(family_class) -> int:
    """Address of (n, par, y, mu, d), all integers: a family's unit deviance in whatever link."""
    return _deviance(family_class).address


@cache
def _deviance(family_class):
    digest = fingerprint(family_class)

    def deviance(n, par, y, mu, d):
        digest  # noqa: B018, an edited formula is another kernel
        family = revive(family_class, carray(doubles(par), 2))
        ys, means, ds = carray(doubles(y), n), carray(doubles(mu), n), carray(doubles(d), n)
        for i in range(n):
            ds[i] = verbs.deviance(family, ys[i], means[i])
        return 0

    return address_of(DEVIANCE, deviance, cache=family_class.__module__ != "__main__")
