"""A release: one version everywhere, its notes, and files that name the registry."""

import pytest

import release
from release import ReleaseError

CHANGELOG = """# Changelog

Words before the first version.

## Unreleased

### Added

- Something new.

## [0.2.0] - 2027-01-31

### Fixed

- A run that ended twice.

## 0.1.0 - 2026-12-01

The first version.
"""

FILES = {
    "pyproject.toml": '[project]\nname = "graphcron"\nversion = "0.2.0"\n\n[tool.other]\ntarget-version = "0.2.0"\n',
    "operator/graphcron/__init__.py": '__version__ = "0.2.0"\n',
    "charts/graphcron/Chart.yaml": 'apiVersion: v2\nversion: 0.2.0\nappVersion: "0.2.0"\nkubeVersion: ">=1.31.0-0"\n',
    "docs/install.md": 'docker build --tag "$REGISTRY/operator:0.2.0" .\ndocker push "$REGISTRY/operator:0.2.0"\n',
    "docs/getting-started.md": "docker push $REGISTRY/runner:0.2.0\n",
    "CHANGELOG.md": CHANGELOG,
}

VALUES = """
image:
  registry: ""
  repository: graphcron/operator
runner:
  image:
    # Where it is pulled from.
    registry: ""  # empty: the default of the container runtime
    repository: graphcron/runner
"""


def with_(path, old, new):
    assert old in FILES[path]
    return {**FILES, path: FILES[path].replace(old, new)}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "charts/graphcron/values.yaml").write_text(VALUES)
    (tmp_path / "charts/static").mkdir()
    (tmp_path / "charts/static/install.yaml").write_text("image: graphcron/operator:0.2.0\n")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    return tmp_path


# What the changelog says


def test_notes_are_the_section_of_that_version_alone():
    assert release.notes(CHANGELOG, "0.2.0") == "### Fixed\n\n- A run that ended twice.\n"
    assert release.notes(CHANGELOG, "0.1.0") == "The first version.\n"


def test_notes_of_an_unknown_version_name_the_known_ones():
    with pytest.raises(ReleaseError, match=r"nothing about 0\.3\.0; it knows Unreleased, 0\.2\.0, 0\.1\.0"):
        release.notes(CHANGELOG, "0.3.0")


def test_an_empty_section_says_nothing():
    with pytest.raises(ReleaseError, match=r"nothing about 0\.1\.0"):
        release.notes(CHANGELOG.replace("The first version.\n", ""), "0.1.0")


@pytest.mark.parametrize(
    "heading",
    [
        "## 0.2.0",
        "## v0.2.0 - 2027-01-31",
        "## 0.2 - 2027-01-31",
        "## 0.2.0 (2027-01-31)",
        "## Unreleased - 2027-01-31",
    ],
)
def test_a_heading_of_another_form_is_refused(heading):
    with pytest.raises(ReleaseError, match="not a heading such as") as refused:
        release.sections(CHANGELOG.replace("## [0.2.0] - 2027-01-31", heading))
    assert heading in str(refused.value)


def test_a_version_that_comes_twice_is_refused():
    with pytest.raises(ReleaseError, match=r"0\.1\.0 comes twice"):
        release.sections(CHANGELOG.replace("## [0.2.0]", "## 0.1.0"))


# Whether all agree


@pytest.mark.parametrize("tag", [None, "v0.2.0"])
def test_all_places_agree(tag):
    assert release.problems(FILES, tag) == []


@pytest.mark.parametrize("tag", [None, "v0.2.0"])
@pytest.mark.parametrize(
    ("files", "place"),
    [
        (with_("operator/graphcron/__init__.py", "0.2.0", "0.1.9"), "the version of the package"),
        (with_("charts/graphcron/Chart.yaml", "\nversion: 0.2.0", "\nversion: 0.1.9"), "the version in Chart.yaml"),
        (with_("charts/graphcron/Chart.yaml", 'appVersion: "0.2.0"', "appVersion: 0.1.9"), "the appVersion in Chart"),
        (with_("docs/getting-started.md", "0.2.0", "0.1.9"), "the tag of the images in docs/getting-started.md"),
        (with_("CHANGELOG.md", "[0.2.0]", "0.1.9"), "the newest version in CHANGELOG.md"),
    ],
)
def test_a_place_that_differs_is_named(files, place, tag):
    (problem,) = release.problems(files, tag)
    assert problem.startswith(place)
    assert problem.endswith(" is 0.1.9, not 0.2.0")


def test_the_tag_decides_what_is_right():
    said = release.problems(with_("pyproject.toml", '\nversion = "0.2.0"', '\nversion = "0.1.9"'), "v0.2.0")
    assert said == ["the version in pyproject.toml is 0.1.9, not 0.2.0"]
    assert len(release.problems(FILES, "v0.3.0")) == len(release.PLACES) + 1
    assert release.problems(FILES, "0.2.0") == ["the tag 0.2.0 does not begin with v"]


def test_before_the_first_release_only_a_tag_needs_a_section():
    first = {**FILES, "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- Everything.\n"}
    assert release.problems(first) == []
    assert release.problems(first, "v0.2.0") == ["CHANGELOG.md has no version yet: python hack/release bump 0.2.0"]
    assert release.problems({**first, "CHANGELOG.md": "# Changelog\n"}) == [
        "CHANGELOG.md has neither a version nor `## Unreleased`"
    ]


def test_tags_that_differ_within_a_page_are_told():
    files = with_("docs/install.md", 'push "$REGISTRY/operator:0.2.0"', 'push "$REGISTRY/operator:0.1.9"')
    with pytest.raises(ReleaseError, match=r"install.md stands there 2 times: 0\.2\.0, 0\.1\.9"):
        release.problems(files)


def test_a_bump_sets_each_tag_of_a_page():
    changed = release.bumped(FILES, "0.3.0", "2027-03-01")
    assert changed["docs/install.md"].count("operator:0.3.0") == 2
    assert "0.2.0" not in changed["docs/install.md"]


def test_a_version_that_stands_nowhere_is_told():
    with pytest.raises(ReleaseError, match=r"the version in pyproject.toml stands there 0 times"):
        release.problems(with_("pyproject.toml", '\nversion = "0.2.0"', ""))


def test_this_checkout_agrees(capsys):
    assert release.main(["check"]) == 0, capsys.readouterr().err


# The next version


def test_a_new_version_stands_everywhere():
    bumped = release.bumped(FILES, "0.3.0", "2027-02-01")
    assert release.problems(bumped, "v0.3.0") == []
    assert release.notes(bumped["CHANGELOG.md"], "0.3.0") == "### Added\n\n- Something new.\n"
    assert release.sections(bumped["CHANGELOG.md"])["Unreleased"] == ""
    assert "## 0.3.0 - 2027-02-01\n" in bumped["CHANGELOG.md"]
    assert bumped["pyproject.toml"].count("0.2.0") == 1  # what is another tool's stays
    assert bumped["charts/graphcron/Chart.yaml"].endswith('appVersion: "0.3.0"\nkubeVersion: ">=1.31.0-0"\n')


@pytest.mark.parametrize(
    ("files", "version", "why"),
    [
        (FILES, "v0.3.0", "no version such as"),
        (FILES, "0.2.0", "has 0.2.0 already"),
        (with_("CHANGELOG.md", "### Added\n\n- Something new.\n", ""), "0.3.0", "nothing under `## Unreleased`"),
        (with_("CHANGELOG.md", "## Unreleased\n", ""), "0.3.0", "nothing under `## Unreleased`"),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(files, version, why):
    with pytest.raises(ReleaseError, match=why):
        release.bumped(files, version, "2027-02-01")


# The registry


def test_both_images_get_the_registry():
    values = release.values_with("registry.example.com/team", VALUES)
    assert values.count('registry: "registry.example.com/team"') == 2
    assert values.replace("registry.example.com/team", "") == VALUES


@pytest.mark.parametrize("old", ['  registry: ""\n', "  repository: graphcron/operator\n"])
def test_values_in_which_a_registry_is_missing_are_refused(old):
    with pytest.raises(ReleaseError, match="not once for each repository"):
        release.values_with("registry.example.com/team", VALUES.replace(old, "", 1))


def test_the_manifest_gets_the_registry():
    manifest = 'image: "graphcron/operator:0.2.0"\nvalue: graphcron/runner@sha256:0\nother: x/graphcron/operator:1\n'
    changed = release.manifest_with("registry.example.com/team", manifest)
    assert changed.splitlines() == [
        'image: "registry.example.com/team/graphcron/operator:0.2.0"',
        "value: registry.example.com/team/graphcron/runner@sha256:0",
        "other: x/graphcron/operator:1",
    ]
    with pytest.raises(ReleaseError, match="has no image"):
        release.manifest_with("registry.example.com/team", "kind: Namespace\n")


# The command line


def test_the_command_line(checkout, capsys):
    assert release.main(["check", "--tag", "v0.2.0"]) == 0
    assert release.main(["notes", "v0.2.0"]) == 0
    assert capsys.readouterr().out == "### Fixed\n\n- A run that ended twice.\n"
    assert release.main(["bump", "0.3.0"]) == 0
    assert release.main(["check", "--tag", "v0.3.0"]) == 0
    assert release.main(["notes", "0.4.0"]) == 1
    assert "nothing about 0.4.0" in capsys.readouterr().err


def test_stage_has_chart_and_manifest_with_registry(checkout):
    (checkout / "dist/chart/graphcron").mkdir(parents=True)
    (checkout / "dist/chart/graphcron/left.yaml").touch()
    assert release.main(["stage", "--registry", "registry.example.com/team"]) == 0
    chart = checkout / "dist/chart/graphcron"
    assert sorted(path.name for path in chart.iterdir()) == ["Chart.yaml", "values.yaml"]
    assert 'registry: "registry.example.com/team"' in (chart / "values.yaml").read_text()
    assert "team/graphcron/operator:0.2.0" in (checkout / "dist/install.yaml").read_text()
