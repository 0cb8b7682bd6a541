"""The package itself: a light import, its public names, its data in a wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import embias

ROOT = Path(__file__).parents[2]


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_import_pulls_in_no_model_or_plotting_library():
    heavy = "{'torch', 'transformers', 'sentence_transformers', 'matplotlib', 'gensim', 'pandas'}"
    assert run(f"import sys, embias; print({heavy} & set(sys.modules))") == "set()\n"


def test_an_audit_of_word_vectors_pulls_in_no_model_library():
    code = (
        "import sys, embias; embias.audit('word2vec-googlenews-extract', 'weat').frame;"
        "print({'torch', 'transformers', 'sentence_transformers', 'matplotlib'} & set(sys.modules))"
    )
    assert run(code) == "set()\n"


def test_every_public_name_is_there_and_documented():
    for name in embias.__all__:
        value = getattr(embias, name)
        if name != "__version__":
            assert value.__doc__, name
    assert set(embias.__all__) <= set(dir(embias))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = embias.nothing


@pytest.mark.parametrize(
    "first", ["import embias.audit", "from embias.audit import audit", "import embias.cli"]
)
def test_audit_is_the_function_whatever_was_imported_first(first):
    assert run(f"{first}\nimport embias\nprint(callable(embias.audit))") == "True\n"


def test_show_versions_names_what_computes(capsys):
    embias.show_versions()
    shown = capsys.readouterr().out
    for name in ("embias", "python", "numpy", "torch"):
        assert name in shown


def test_the_wheel_carries_the_data_and_finds_it(tmp_path):
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"),
            *("-w", tmp_path, ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert "embias/data/suites/weat.toml" in names
    assert "embias/py.typed" in names
    assert any(name.startswith("embias/report/templates/") for name in names)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import embias;"
        f"assert embias.__file__.startswith({str(tmp_path)!r}), embias.__file__;"
        "print(len(embias.audit('word2vec-googlenews-extract', 'weat').frame));"
        "from embias._data import data_path; print(data_path('suites'))"
    )
    rows, place = run(code).split()
    assert rows == "10"
    assert place.startswith(str(tmp_path))
