"""A pytest plug-in: scikit-learn's own tests with our estimators in place of theirs."""

import sklearn.neural_network

import mlptrain.sklearn

sklearn.neural_network.MLPClassifier = mlptrain.sklearn.MLPClassifier
sklearn.neural_network.MLPRegressor = mlptrain.sklearn.MLPRegressor
