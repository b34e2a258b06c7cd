"""Draw the rooms of the library and the imports between them: ``python docs/draw_house.py`` writes ``docs/house.svg``.

The picture follows from the source of ``fastglm`` alone, and is the same at every run. An arrow that others imply is
left out: where design imports matrix and matrix imports kernels, that of design to kernels is not drawn.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "house"))

from room_imports import EDGES  # noqa: E402

# what any room may use, and the public faces of a room, are drawn as one
GROUND = ("errors", "core", "special", "__init__")
FACES = {"types": "options", "families": "family", "links": "family", "solvers": "solver", "__main__": "cli"}
WIDTH, HEIGHT, BOX, STEP = 940, 62, (112, 30), 150
INK, LINE, FILL, BASE = "#24292f", "#6e7781", "#ddf4ff", "#eaeef2"


def room_of(name: str) -> str:
    """The room that a module is drawn in."""
    room = name.split(".")[0]
    return "ground" if room in GROUND else FACES.get(room, room)


def arrows() -> set[tuple[str, str]]:
    """(room, room that it imports) for every two rooms, imports inside functions too."""
    found = {(room_of(a), room_of(b)) for a, b in EDGES if a != "__init__"}
    return {(a, b) for a, b in found if a != b}


def reached(room: str, targets: dict) -> set[str]:
    """All rooms that a room imports, by any way round."""
    found, left = set(), [room]
    while left:
        new = targets.get(left.pop(), set()) - found
        found |= new
        left += new
    return found


def implied_left_out(found: set) -> set:
    """The arrows without those that others imply."""
    targets: dict = {}
    for a, b in found:
        targets.setdefault(a, set()).add(b)
    return {(a, b) for a, b in found if not any(b in reached(c, targets) for c in targets[a] - {b})}


def levels(found: set) -> dict[str, int]:
    """The height of each room: above all that it imports, and as close below those that import it as can be."""
    rooms, height = sorted({room for pair in found for room in pair}), {}
    while len(height) < len(rooms):
        for room in rooms:
            below = [b for a, b in found if a == room]
            if room not in height and all(b in height for b in below):
                height[room] = 1 + max((height[b] for b in below), default=-1)
    for room in sorted(rooms, key=lambda room: -height[room]):
        above = [height[a] for a, b in found if b == room]
        if above and room != "ground":
            height[room] = min(above) - 1
    return height


def placed(found: set, height: dict) -> tuple[dict, list]:
    """Places (x, level) of rooms and of the bends of long arrows, and the arrows as lists of places."""
    rows: dict = {level: [room for room in sorted(height) if height[room] == level] for level in set(height.values())}
    ways = []
    for a, b in sorted(found):
        way = [a, *((a, b, level) for level in range(height[a] - 1, height[b], -1)), b]
        for bend in way[1:-1]:
            rows[bend[2]].append(bend)
        ways.append(way)
    near: dict = {}
    for way in ways:
        for one, other in zip(way, way[1:], strict=False):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
    x = {room: i - (len(row) - 1) / 2 for row in rows.values() for i, room in enumerate(row)}
    for _ in range(60):  # to the middle of their neighbours, a row at a time; 60 sweeps change nothing any more
        for level in [*sorted(rows), *sorted(rows, reverse=True)]:
            middle = {room: sum(x[other] for other in near[room]) / len(near[room]) for room in rows[level]}
            row = sorted(rows[level], key=lambda room: (middle[room], str(room)))
            for i, room in enumerate(row):
                wide = 1.0 if i == 0 or isinstance(room, str) or isinstance(row[i - 1], str) else 0.35
                x[room] = middle[room] if i == 0 else max(middle[room], x[row[i - 1]] + wide)
            shift = sum(x[room] - middle[room] for room in row) / len(row)
            for room in row:
                x[room] -= shift
            rows[level] = row
    return x, ways


def svg() -> str:
    """The picture as text; its first comment has all arrows, those that are left out too."""
    everything = arrows()
    drawn = implied_left_out({(a, b) for a, b in everything if "ground" not in (a, b)})
    height = levels(drawn)
    x, ways = placed(drawn, height)
    top, low, high = max(height.values()), min(x.values()), max(x.values())
    step = min(STEP, (WIDTH - BOX[0] - 20) / (high - low))

    def at(room):
        level = height[room] if isinstance(room, str) else room[2]
        return 10 + BOX[0] / 2 + (x[room] - low) * step, 30 + (top - level) * HEIGHT

    total = 30 + (top + 1) * HEIGHT + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" font-family="sans-serif" '
        'font-size="14">',
        "<!-- " + "; ".join(f"{a} > {b}" for a, b in sorted(everything)) + " -->",
        f'<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto"><path d="M0,0 L7,3 '
        f'L0,6 z" fill="{LINE}"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{total}" fill="white"/>',
    ]
    half = BOX[1] / 2
    for way in ways:
        points = [at(room) for room in way]
        x0, y0 = points[0][0], points[0][1] + half
        path = f"M{x0:.0f},{y0:.0f}"
        for i, (x1, y1) in enumerate(points[1:], 2):
            y1 -= half if i == len(points) else 0
            path += f" C{x0:.0f},{(y0 + y1) / 2:.0f} {x1:.0f},{(y0 + y1) / 2:.0f} {x1:.0f},{y1:.0f}"
            x0, y0 = x1, y1
        lines.append(f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.2" marker-end="url(#tip)"/>')
    for room in sorted(height):
        a, b = at(room)
        shown = "".join([room, *(f", {face}" for face, of in FACES.items() if of == room and face[0] != "_")])
        lines += _box(a - BOX[0] / 2, b - half, *BOX, FILL, room, shown)
    ground = ", ".join(room for room in GROUND if room[0] != "_")
    lines += _box(10, total - 45, WIDTH - 20, 30, BASE, "ground", f"{ground}: any room may use them")
    return "\n".join([*lines, "</svg>", ""])


def _box(x, y, width, height, fill, room, words):
    size = ' font-size="10"' if room != "ground" and len(words) > 15 else ""
    middle = f'x="{x + width / 2:.0f}" y="{y + height / 2 + 5:.0f}"'
    return [
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height}" rx="4" fill="{fill}" stroke="{LINE}"/>',
        f'<text {middle} text-anchor="middle" fill="{INK}"{size}>{words}</text>',
    ]


if __name__ == "__main__":
    (HERE / "house.svg").write_text(svg())
