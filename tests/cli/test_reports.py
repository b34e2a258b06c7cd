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
    assert "<svg" not in (folder / "one.html").read_text()
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
