"""The faults that are put into the package, and the list of those that need not be noticed."""

import ast

import pytest

from mutation import HERE, SOURCE, TESTS, asked_about, modules, mutants_of, sample, survivors


@pytest.mark.parametrize("module", modules())
def test_a_mutant_is_python_and_another_text_in_one_place(module: str) -> None:
    text = (SOURCE / module).read_text("utf-8")
    for mutant in mutants_of(module):
        ast.parse(mutant.text)
        assert mutant.text != text
        assert mutant.old != mutant.new
        assert "\n" not in mutant.told


def test_modules_have_tests_that_are_there() -> None:
    assert {path for path in TESTS if not (SOURCE / path).exists()} == set()
    for module in modules():
        for test in asked_about(module):
            file, _, name = test.partition("::")
            assert f"def {name}" in (HERE / file).read_text("utf-8")


def test_a_sample_is_drawn_by_its_seed() -> None:
    drawn = [mutant.told for mutant in sample(20, 3, ["detectors"])]
    assert drawn == [mutant.told for mutant in sample(20, 3, ["detectors"])]
    assert drawn != [mutant.told for mutant in sample(20, 4, ["detectors"])]
    assert len(set(drawn)) == 20


def test_an_explained_survivor_is_a_mutant_with_a_reason() -> None:
    """When the code changes, its explanation must be looked at again."""
    for survivor in survivors():
        assert survivor.why.endswith(".")
        assert any(survivor.explains(mutant) for mutant in mutants_of(survivor.module))
