"""The report of a fit: what it says of the fit, of the data and of how it was made, and how it is drawn."""

import hashlib
import re
import xml.etree.ElementTree as xml

import numpy as np
import pytest

import fastglm
from fastglm.cli.main import main

pd = pytest.importorskip("pandas")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a file of counts and classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    frame = pd.DataFrame({
        "claims": rng.poisson(np.exp(0.3 * x)), "x": x, "region": rng.choice(["<n>", "s", "w"], 300),
        "kind": rng.choice(["p", "q", "r"], 300), "other": 0,
    })  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drawing(page):
    """The picture of the coefficients, its points and the lines of its intervals."""
    tree = xml.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    lines = [line for line in tree.iter(f"{SVG}line") if line.get("stroke-width")]
    return tree, list(tree.iter(f"{SVG}circle")), lines


def test_the_report_of_a_fit(folder, capsys):
    command = ["fit", "t.csv", "claims ~ x + region", "--family", "poisson", "--html", "r.html", "--level", "0.9"]
    assert main(command) == 0
    page, result = (folder / "r.html").read_text(), fastglm.load("t.model.json")
    assert "<h1>Poisson regression of claims, log link</h1>" in page
    assert "fastglm fit t.csv &#x27;claims ~ x + region&#x27; --family poisson" in page
    assert hashlib.sha256((folder / "t.csv").read_bytes()).hexdigest() in page
    assert "<dt>Rows</dt><dd>300</dd>" in page and "claims, x, region" in page and "other" not in page
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", page) and "prefers-color-scheme:dark" in page
    assert "@media print" in page and 'name="viewport"' in page and "<n>" not in page
    assert f"explains {100 * (1 - result.deviance / result.null_deviance):.1f}%" in page
    tree, points, lines = drawing(page)
    assert [text.text for text in tree.iter(f"{SVG}text")][:3] == ["x", "region[T.s]", "region[T.w]"]
    # places in the picture are a linear function of the numbers
    at = [float(point.get("cx")) for point in points]
    slope = (at[1] - at[0]) / (result.params[2] - result.params[1])
    ends = [[float(line.get("x1")), float(line.get("x2"))] for line in lines]
    drawn = result.params[1] + (np.array(ends) - at[0]) / slope
    np.testing.assert_allclose(drawn, result.conf_int(0.9)[1:], atol=0.2 / abs(slope))


def test_the_report_of_classes_draws_each(folder, capsys):
    assert main(["fit", "t.csv", "kind ~ x + region", "--family", "multinomial", "--html", "r.html"]) == 0
    page, result = (folder / "r.html").read_text(), fastglm.load("t.model.json")
    _, points, lines = drawing(page)
    told = [point[0].text for point in points]
    assert [text.split(":")[0] for text in told] == ["q"] * 3 + ["r"] * 3 and len(lines) == 6
    np.testing.assert_allclose([float(text.split()[-1]) for text in told], result.params[1:].T.ravel(), rtol=1e-3)


def test_reports_without_covariates_and_with_very_many(folder, capsys):
    assert main(["fit", "t.csv", "claims ~ 1", "--family", "poisson", "--html", "one.html"]) == 0
    page = (folder / "one.html").read_text()
    assert "Coefficients with" not in page and page.count("<svg") == page.count("their histogram") / 2 == 1
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(200, 51)), columns=[f"v{j}" for j in range(51)])
    frame.to_csv("wide.csv", index=False)
    assert main(["fit", "wide.csv", "v0 ~ .", "--html", "wide.html"]) == 0
    page, result = (folder / "wide.html").read_text(), fastglm.load("wide.model.json")
    furthest = 1 + np.sort(np.argsort(-np.abs(result.tvalues[1:]))[:40])
    names = [point[0].text.split(":")[0] for point in drawing(page)[1]]
    assert names == [result.names[j] for j in furthest] and "the 40 of 50" in page


def test_tables_have_the_colours_of_their_page(folder, capsys):
    result = fastglm.glm("claims ~ x + region", "t.csv", family="poisson")
    for html in (result._repr_html_(), fastglm.etable([result])._repr_html_(), result.anova("t.csv")._repr_html_()):
        assert "<style" not in html and "#fff" not in html and "#222" not in html
        cells = re.findall(r"<td style=\"([^\"]*)\"", html)
        assert any("text-align:right" in style for style in cells) and all("color:inherit" in style for style in cells)


def test_a_distance_beyond_the_digits_is_printed_as_a_bound(folder):
    exact = fastglm.fit([[0.0], [1.0], [2.0], [3.0]], [1.0, 2.0, 2.0, 4.0])
    assert exact.certificate < 1e-15 and "within < 1e-15 se" in str(exact.summary())


def figures(page):
    """The pictures of a page after that of the coefficients, as trees."""
    return [xml.fromstring(part) for part in re.findall(r"<svg.*?</svg>", page, re.DOTALL)][1:]


def places(tree):
    """Centres of the points of a picture, and the numbers that they tell."""
    points = list(tree.iter(f"{SVG}circle"))
    at = np.array([[float(point.get(name)) for name in ("cx", "cy")] for point in points])
    return at, np.array([re.findall(r"-?[\d.]+(?:e-?\d+)?", point[0].text)[:2] for point in points], float)


def test_the_report_draws_calibration_and_residuals(folder, capsys):
    assert main(["fit", "t.csv", "claims ~ x + region", "--family", "poisson", "--html", "r.html"]) == 0
    page, result = (folder / "r.html").read_text(), fastglm.load("t.model.json")
    calibration, groups, histogram = figures(page)
    found = result.calibration("t.csv")
    at, told = places(calibration)
    np.testing.assert_allclose(told, np.column_stack([found.predicted, found.observed]), rtol=1e-3)
    for axis, sign in ((0, 1.0), (1, -1.0)):  # places are a linear function of the numbers
        slope = np.polyfit(told[:, axis], at[:, axis], 1)
        np.testing.assert_allclose(np.polyval(slope, told[:, axis]), at[:, axis], atol=0.3)
        assert np.sign(slope[0]) == sign
    assert len(places(groups)[1]) == len(found.rows) and len(list(histogram.iter(f"{SVG}rect"))) == 32
    assert "standard normal" in page and "<h2>The rows</h2>" in page


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_residuals_are_those_of_the_rows(folder, weighted):
    from fastglm.result.report_pictures import residual_sums

    frame = pd.read_csv("t.csv").assign(w=np.arange(300) % 3)
    frame.to_csv("w.csv", index=False)
    options = {"freq_weights": "w"} if weighted else {}
    result = fastglm.glm("claims ~ x + region", "w.csv", family="poisson", **options)
    ends = result.calibration("w.csv").high
    sums = residual_sums(result, "w.csv", ends, quantile=True)
    residuals, w = result.residuals(data=frame, kind="quantile", seed=0), np.ones(300) if not weighted else frame["w"]
    group = np.searchsorted(ends, result.predict(frame))
    expected = [[w[group == k].sum(), (w * residuals)[group == k].sum()] for k in range(len(ends))]
    np.testing.assert_allclose(sums.moments[:, :2], expected, rtol=1e-9)
    counts = np.histogram(residuals, np.linspace(-4, 4, 33), weights=w)[0]
    np.testing.assert_allclose(sums.counts[1:-1], counts)
    assert sums.counts.sum() == w.sum()


def test_pictures_of_families_without_a_distribution_and_of_several_means(folder, capsys):
    assert main(["fit", "t.csv", "claims ~ x", "--family", "quasi_poisson", "--html", "q.html"]) == 0
    page = (folder / "q.html").read_text()
    assert len(figures(page)) == 2 and "Pearson residuals, whose variance is the dispersion" in page
    assert main(["fit", "t.csv", "kind ~ x", "--family", "multinomial", "--html", "m.html", "--force"]) == 0
    assert figures((folder / "m.html").read_text()) == []


def test_the_command_of_a_report_can_be_typed():
    import shlex

    from fastglm.cli.main import quoted

    for word in ("y ~ relevel(g, ref='b')", "plain", "it's $HOME", 'a "b"', "x y", "it's\n"):
        assert shlex.split(quoted(word)) == [word]
    assert quoted("C(g, Treatment('b'))") == '"C(g, Treatment(\'b\'))"'
