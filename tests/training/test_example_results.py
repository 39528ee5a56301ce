"""The results for single examples are those that were evaluated, and those that predict prints."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from small_runs import settings, train, write_data
from task_runs import scenes, write_table

from mlptrain.data.images.masks import read_mask
from mlptrain.tasks.metrics.measure import metrics_for
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.outcomes.labels import LabelOutcome
from mlptrain.tasks.outcomes.masks import MaskOutcome
from mlptrain.tasks.outcomes.numbers import NumberOutcome
from mlptrain.tasks.task import TargetSpec, tasks
from mlptrain.training import evaluate as training_evaluate
from mlptrain.training.evaluated_model import EvaluatedModel, evaluate_model
from mlptrain.training.example_results import ExampleBatch, ExampleResult, WorstExamples
from mlptrain.training.trained_model import Prediction, TrainedModel, load_model


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody watches the reading."""


@pytest.fixture
def model(task_run: Path) -> TrainedModel:
    return load_model(task_run / "best.safetensors")


def evaluated(
    model: TrainedModel, split: str = "test", data: str | None = None
) -> tuple[EvaluatedModel, list[ExampleResult]]:
    found: list[ExampleResult] = []
    chosen = None if data else split
    result = evaluate_model(model, chosen, data, quiet, lambda batch: found.extend(batch.results()))
    return result, found


def test_the_answers_are_those_of_predict(model: TrainedModel) -> None:
    result, found = evaluated(model)
    assert [each.index for each in found] == list(range(result.outcome.examples))
    predictions = list(model.predict([each.path for each in found], 1))
    for own, prediction in zip(found, predictions, strict=True):
        assert isinstance(prediction, Prediction)
        assert own.answer.cells == prediction.answer.cells
        assert own.answer.record == prediction.answer.record
        assert own.answer.values == prediction.answer.values
        np.testing.assert_array_equal(own.answer.picture, prediction.answer.picture)


def test_truths_are_told_like_answers(model: TrainedModel) -> None:
    result, found = evaluated(model)
    for own, text in zip(found, result.dataset.targets.texts(), strict=True):
        match model.task.type:
            case "classification":
                assert own.truth.values == own.truth.cells == (text,)
                assert own.truth.record == {"label": text}
            case "multi_label":
                assert own.truth.values == (text,)
                assert own.truth.record == {"labels": text.split("|") if text else []}
            case "regression":
                assert "|".join(map(repr, own.truth.values)) == text
                assert list(own.truth.record["numbers"].values()) == list(own.truth.values)
            case "autoencoder":
                row = result.dataset.rows[own.index]
                np.testing.assert_array_equal(own.truth.picture, result.dataset.inputs[row])
                assert (own.truth.values, own.truth.record) == ((), {})
            case "segmentation":
                assert own.truth.picture is not None
                file = own.path.replace("/images/", "/masks/")
                wanted = read_mask(file, own.path, model.image.form, 255)
                np.testing.assert_array_equal(own.truth.picture, wanted)
        assert set(own.truth.record) <= set(own.answer.record)
        assert len(own.truth.values) <= len(own.answer.values)


def relabelled(model: TrainedModel) -> str | None:
    """The test data with some wrong classes, if every class is predicted right."""
    if model.task.type != "classification" or model.path is None:
        return None
    rows = scenes("test", 12)
    for index, row in enumerate(rows):
        row["labels"] = "night" if index % 3 else "day"
    return str(write_table(model.path.parent / "relabelled.csv", rows))


def test_errors_add_up_to_what_the_evaluation_says(model: TrainedModel) -> None:
    result, found = evaluated(model, data=relabelled(model))
    outcome, errors = result.outcome, np.array([each.error for each in found])
    np.testing.assert_array_equal(errors, result.judged.errors)
    wrong = [each.is_wrong for each in found]
    match outcome:
        case ClassOutcome():
            pairs = Counter((each.truth.cells[0], each.answer.cells[0]) for each in found)
            names = outcome.names
            assert outcome.confusion.tolist() == [[pairs[t, p] for p in names] for t in names]
            assert sum(wrong) == outcome.examples - outcome.correct > 0
        case LabelOutcome():
            assert wrong.count(False) == outcome.exact
            assert errors.astype(int).sum() == outcome.wrong > 0
        case NumberOutcome():
            of_all = np.abs(outcome.errors()) / np.array(model.state.targets.std)
            np.testing.assert_array_equal(errors, of_all.max(axis=1))
        case MaskOutcome():
            counted = (result.dataset.targets.values != 255).sum(axis=1)
            assert round(float(errors @ counted)) == outcome.total - outcome.correct > 0
        case _:
            assert errors.mean() == pytest.approx(metrics_for(outcome)["mse"], rel=1e-6)
            assert [each.answer.record["mse"] for each in found] == errors.tolist()
    assert (None in wrong) == bool(model.task.error_name)
    if result.judged.wrong is not None:
        assert wrong == result.judged.wrong.tolist()


def test_probabilities_are_those_of_the_answer(model: TrainedModel) -> None:
    _, found = evaluated(model)
    for each in found:
        if not model.task.gives_probabilities:
            assert each.probabilities is None
            continue
        assert each.probabilities is not None
        record, values = each.answer.record, each.probabilities.tolist()
        if "probability" in record:
            assert max(values) == record["probability"]
        else:
            assert values == list(record["probabilities"].values())


def test_the_worst_are_found_whatever_the_batches(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_evaluate, "BATCH_SIZE", 5)
    again = load_model(model.path or Path())
    found: list[ExampleResult] = []
    worst, none = WorstExamples(4), WorstExamples(0)
    both = (lambda batch: found.extend(batch.results()), worst, none)
    evaluate_model(again, "train", None, quiet, *both)
    ordered = sorted(found, key=lambda each: -each.error)
    assert [each.index for each in worst.found] == [each.index for each in ordered[:4]]
    assert [each.answer.cells for each in worst.found] == [e.answer.cells for e in ordered[:4]]
    assert none.found == []


def test_results_are_built_for_nobody_unless_asked(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of every example would take longer than the network."""
    asked: list[int] = []
    whole = ExampleBatch.results
    monkeypatch.setattr(
        ExampleBatch, "results", lambda *given: asked.append(len(given[1])) or whole(*given)
    )
    evaluate_model(model, "test", None, quiet)
    assert asked == []
    evaluate_model(model, "test", None, quiet, WorstExamples(3))
    assert asked == [3]


def test_the_most_confident_mistake_is_the_worst() -> None:
    task, spec = tasks["classification"](), TargetSpec(names=("a", "b"))
    predictions = np.array([[0.9, 0.1], [0.6, 0.4], [0.9, 0.1], [0.5, 0.5]], np.float32)
    judged = task.judge(predictions, np.array([0, 1, 1, 0]), spec)
    assert judged.errors.tolist() == pytest.approx([0.1, 1.6, 1.9, 0.5])
    assert judged.wrong is not None
    assert judged.wrong.tolist() == [False, True, True, False]


def test_more_wrong_labels_are_worse_than_less_likely_ones() -> None:
    task, spec = tasks["multi_label"](), TargetSpec(names=("a", "b"))
    predictions = np.array([[1, 0], [0.8, 0.2], [1, 1], [0.6, 0.6], [1, 1]], np.float32)
    targets = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 0]], np.float32)
    judged = task.judge(predictions, targets, spec)
    assert judged.errors.tolist() == pytest.approx([0, 0.2, 2 - 1e-7**0.5, 2 - 0.24**0.5, 3 - 1e-7])
    assert judged.wrong is not None
    assert judged.wrong.tolist() == [False, False, True, True, True]


def test_pixels_that_are_ignored_are_never_wrong() -> None:
    task, spec = tasks["segmentation"](ignore_index=9), TargetSpec(names=("a", "b"), values=(3, 7))
    predictions = np.tile(np.array([0.1, 0.9], np.float32), (2, 4))
    targets = np.array([[1, 0, 255, 255], [255] * 4], np.uint8)
    assert task.judge(predictions, targets, spec).errors.tolist() == [0.5, 0]
    truth, ignored = task.truths(targets, np.empty((2, 2, 2, 1)), spec)
    assert truth.picture is not None
    assert truth.picture.tolist() == [[7, 3], [9, 9]]
    assert truth.values == (0.25, 0.25)
    assert ignored.values == (0, 0)
    assert truth.palette is not None
    assert len(truth.palette) == 10
    assert len(np.unique(truth.palette[[3, 7, 9]], axis=0)) == 3


def test_a_class_may_have_the_highest_value_of_a_pixel() -> None:
    spec = TargetSpec(names=("0", "255"), values=(0, 255))
    predictions = np.array([[0.9, 0.1, 0.2, 0.8]], np.float32)
    (answer,) = tasks["segmentation"]().answers(predictions, np.empty((1, 1, 2, 1)), spec, 1)
    assert answer.picture is not None
    assert answer.picture.tolist() == [[0, 255]]
    assert answer.palette is not None
    assert answer.palette[255].any()


def test_examples_in_one_file_are_named_as_predict_names_them(tmp_path: Path) -> None:
    write_data(tmp_path)
    train(tmp_path, settings())
    of_arrays = load_model(tmp_path / "run/best.safetensors")
    _, found = evaluated(of_arrays, "validation")
    names = [each.path for each in of_arrays.predict([str(tmp_path / "held_out.npz")], 1)]
    assert [each.path for each in found] == names
    rows = [f"{i},{i % 3},{2 * i},{'ab'[i % 2]}" for i in range(20)]
    rows.insert(5, "")  # an empty line, which has no example
    (tmp_path / "t.csv").write_text("\n".join(["u,v,w,label", *rows]))
    data = {"train": {"type": "table", "path": "t.csv"}, "validation": 0.3}
    train(tmp_path, settings(data=data), "table")
    of_table = load_model(tmp_path / "table/best.safetensors")
    _, found = evaluated(of_table, "validation")
    predicted = [p for p in of_table.predict([str(tmp_path / "t.csv")], 1) if p.path]
    cells = {each.path: each.answer.record["label"] for each in predicted}
    assert len(found) > 3
    for each in found:
        assert cells[each.path] == each.answer.record["label"]
