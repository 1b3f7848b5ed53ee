//! Models: linear, logistic, trees.
