"""What our estimators do beyond equal numbers."""

import inspect
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

import mlptrain.sklearn
from mlptrain.backend.choice import choose_backend
from mlptrain.sklearn import MLPClassifier, MLPRegressor
from mlptrain.sklearn.epochs import Epochs

X, Y = load_digits(return_X_y=True)
X, Y = X[:300] / 16, Y[:300]
FEW = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


@pytest.fixture(autouse=True)
def _few_epochs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def blas_threads() -> list[int]:
    """Of NumPy's BLAS; SciPy has one of its own."""
    return [each["num_threads"] for each in threadpool_info() if "numpy" in each["filepath"]]


@pytest.fixture
def threads_in_epochs(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The threads of the BLAS at the beginning of every epoch."""
    seen: list[list[int]] = []
    run = Epochs.run

    def watched(self: Epochs, order: Any) -> float:
        seen.append(blas_threads())
        return run(self, order)

    monkeypatch.setattr(Epochs, "run", watched)
    return seen


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_the_signature_is_theirs_and_precision(kind: str) -> None:
    ours, theirs = (
        inspect.signature(getattr(library, kind)).parameters
        for library in (mlptrain.sklearn, sklearn.neural_network)
    )
    assert [*ours] == [*theirs, "precision"]
    for name, parameter in theirs.items():
        assert (ours[name].default, ours[name].kind) == (parameter.default, parameter.kind), name


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("sparse", [False, True])
def test_float32_is_computed_where_asked_for(solver: str, sparse: bool) -> None:
    x = csr_matrix(X) if sparse else X
    narrow = MLPClassifier(solver=solver, precision="float32", **FEW).fit(x, Y)
    wide = MLPClassifier(solver=solver, **FEW).fit(x, Y)
    assert wide.predict_proba(x).dtype == np.float64
    apart = np.abs(narrow.predict_proba(x) - wide.predict_proba(x)).max()
    assert 1e-9 < apart < 1e-3
    if solver != "lbfgs":
        assert {each.dtype for each in (*narrow.coefs_, *narrow.intercepts_)} == {np.dtype("f4")}
        assert narrow.predict_proba(x).dtype == np.float32


def test_float64_is_computed_where_asked_for() -> None:
    x = X.astype(np.float32)
    wide = MLPClassifier(precision="float64", **FEW).fit(x, Y)
    again = MLPClassifier(**FEW).fit(x.astype(np.float64), Y)
    np.testing.assert_array_equal(wide.predict_proba(x), again.predict_proba(x))


def test_a_poisson_loss_needs_counts() -> None:
    """scikit-learn's loss would be NaN."""
    with pytest.raises(ValueError, match=r"loss='poisson' needs y >= 0, got -2\.0\."):
        MLPRegressor(loss="poisson").fit(X, np.where(Y > 7, -2.0, Y))


def test_a_wrong_precision_is_an_error() -> None:
    with pytest.raises(ValueError, match="'precision' parameter of MLPClassifier must be"):
        MLPClassifier(precision="float16").fit(X, Y)


def test_pickled_in_the_middle_it_continues_alike() -> None:
    one = MLPClassifier(**FEW)
    for _ in range(3):
        one.partial_fit(X, Y, classes=range(10))
    other = pickle.loads(pickle.dumps(one))
    for each in (one, other):
        each.partial_fit(X, Y)
    np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])
    assert one.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_each_partial_fit_sees_its_own_examples(kind: str) -> None:
    """Memory of the last call is used again where its shapes and settings were the same."""
    weights = np.linspace(0.1, 2, 100)
    ours, theirs = (
        getattr(library, kind)(**FEW) for library in (mlptrain.sklearn, sklearn.neural_network)
    )
    classes = {"classes": range(10)} if kind == "MLPClassifier" else {}
    before = X.copy()
    for number in range(9):
        place = slice(20 * number, 20 * number + (100 if number % 4 else 90))
        given = np.roll(weights[: len(X[place])], number) if number > 4 else None
        for estimator in (ours, theirs):
            estimator.set_params(alpha=0.1 if number == 7 else 1e-4)
            estimator.partial_fit(X[place], Y[place], sample_weight=given, **classes)
        np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-10)
        if number == 3:
            ours.coefs_[0][...] = theirs.coefs_[0][...] = 0.25
    np.testing.assert_allclose(ours.coefs_[1], theirs.coefs_[1], rtol=1e-8)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    "changed",
    [
        {"learning_rate": "constant"},
        {"learning_rate": "adaptive"},
        {"learning_rate_init": 0.5},
        {"power_t": 0.1},
        {"solver": "adam"},
    ],
    ids=str,
)
def test_partial_fit_keeps_the_schedule_of_its_optimizer(changed: dict[str, Any]) -> None:
    schedule = {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1}
    ours, theirs = (
        library.MLPRegressor(**FEW, **schedule)
        for library in (mlptrain.sklearn, sklearn.neural_network)
    )
    for estimator in (ours, theirs):
        estimator.partial_fit(X, Y).set_params(**changed)
        estimator.partial_fit(X, Y).partial_fit(X, Y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-8)


def test_weights_keep_their_type() -> None:
    for kind in ("MLPClassifier", "MLPRegressor"):
        ours, theirs = (
            getattr(library, kind)(**FEW, warm_start=True)
            for library in (mlptrain.sklearn, sklearn.neural_network)
        )
        for estimator in (ours, theirs):
            estimator.fit(X.astype(np.float32), Y).fit(X, Y)
        assert ours.coefs_[0].dtype == theirs.coefs_[0].dtype == np.float32
        np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_another_number_of_outputs_is_an_error(outputs: int) -> None:
    estimator = MLPRegressor(**FEW).fit(X, X[:, :3])
    before = [each.copy() for each in estimator.coefs_]
    with pytest.raises(ValueError, match=f"y {outputs} outputs.* fitted to 64 and 3"):
        estimator.partial_fit(X, X[:, :outputs].squeeze())
    np.testing.assert_array_equal(estimator.coefs_[1], before[1])
    assert estimator.predict(X).shape == (len(X), 3)


def test_another_number_of_inputs_than_in_weights_from_elsewhere_is_an_error() -> None:
    estimator = MLPRegressor(**FEW)
    other = MLPRegressor(**FEW).fit(X[:, :40], Y)
    estimator.coefs_, estimator.intercepts_ = other.coefs_, other.intercepts_
    with pytest.raises(ValueError, match=r"X has 64 features.* fitted to 40 and 1"):
        estimator.partial_fit(csr_matrix(X), Y)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_sparse_labels(early_stopping: bool) -> None:
    labels = np.c_[Y > 4, Y % 2].astype(int)
    settings = {**FEW, "early_stopping": early_stopping}
    dense = MLPClassifier(**settings).fit(X, labels)
    sparse = MLPClassifier(**settings).fit(X, csr_matrix(labels))
    np.testing.assert_array_equal(sparse.predict_proba(X), dense.predict_proba(X))
    np.testing.assert_array_equal(sparse.predict(X).toarray(), dense.predict(X))


def test_all_steps_of_an_epoch_count_although_its_loss_is_not_finite() -> None:
    """The sum of the squares is beyond float32, the gradient is not."""
    signs = np.random.default_rng(0).choice([-4e18, 4e18], X.shape)
    ours, theirs = (
        library.MLPRegressor(**FEW, batch_size=20).fit(X.astype(np.float32), signs)
        for library in (mlptrain.sklearn, sklearn.neural_network)
    )
    assert ours.loss_ == np.inf
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-4)


def test_clone_and_pipeline() -> None:
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**FEW))
    fitted = clone(pipeline).fit(X, Y)
    again = fitted.score(X, Y)
    assert again == clone(fitted).fit(X, Y).score(X, Y)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_fit_uses_the_threads_of_the_blas_and_gives_them_back(
    limit: int, threads_in_epochs: list[list[int]]
) -> None:
    with threadpool_limits(limit, user_api="blas"):
        before = blas_threads()
        MLPClassifier(**FEW).fit(X, Y)
        with pytest.raises(ValueError, match="Input X contains NaN"):
            MLPClassifier(**FEW).fit(X * np.nan, Y)
        assert blas_threads() == before
    during = limit if choose_backend().kernels == "numpy" else 1
    assert threads_in_epochs == [[during]] * FEW["max_iter"]


def test_a_partial_fit_like_the_last_one_limits_the_blas_too(
    threads_in_epochs: list[list[int]],
) -> None:
    with threadpool_limits(2, user_api="blas"):
        estimator = MLPRegressor(**FEW)
        for _ in range(3):
            estimator.partial_fit(X, Y)
    assert threads_in_epochs == [threads_in_epochs[0]] * 3


def test_an_interrupted_fit_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Epochs.run

    def interrupted(self: Epochs, order: Any) -> float:
        if len(estimator.loss_curve_) == 2:
            raise KeyboardInterrupt
        return run(self, order)

    monkeypatch.setattr(Epochs, "run", interrupted)
    estimator = MLPClassifier(**{**FEW, "max_iter": 50})
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(X, Y)
    monkeypatch.undo()
    whole = MLPClassifier(**{**FEW, "max_iter": 2}).fit(X, Y)
    np.testing.assert_array_equal(estimator.predict_proba(X), whole.predict_proba(X))


def test_x_stays_as_it_is() -> None:
    """Also a sparse matrix with an entry in two parts."""
    matrix = csr_matrix(
        (np.array([1.0, 2.0, 5.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 3)
    )
    before = matrix.data.copy()
    dense = MLPRegressor(**FEW).fit(matrix.toarray(), [0.0, 1.0])
    found = MLPRegressor(**FEW).fit(matrix, [0.0, 1.0])
    np.testing.assert_array_equal(matrix.data, before)
    np.testing.assert_allclose(found.coefs_[0], dense.coefs_[0], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_a_grid_search_on_two_workers_finds_the_same(backend: str) -> None:
    """Also where workers are forked from a process that has trained."""
    import joblib

    MLPClassifier(**FEW).fit(X, Y)
    grid = {"alpha": [1e-4, 1e-1], "hidden_layer_sizes": [(4,), (8,), (4, 4)]}
    scores = []
    for jobs in (1, 2):
        with joblib.parallel_backend(backend, n_jobs=jobs), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of workers that are forked beside threads
            search = GridSearchCV(MLPClassifier(**FEW), grid, cv=3, n_jobs=jobs).fit(X, Y)
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)
