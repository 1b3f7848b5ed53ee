//! Models: linear, logistic, trees, boosting, and what trees say of each feature.

pub mod bayes;
pub mod boost;
pub mod cells;
mod columns;
pub mod elastic;
pub mod forest;
pub mod gram;
pub mod group;
mod lbfgs;
pub mod linear;
pub mod logistic;
pub mod mlp;
#[cfg(test)]
mod oracle;
mod proximal;
pub mod sgd;
pub mod shap;
pub mod svc_linear;
pub mod svm;
pub mod tree;
