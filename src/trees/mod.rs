//! Flat trees shared by models, imputation and isolation forests.
