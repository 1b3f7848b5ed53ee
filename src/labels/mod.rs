//! Wrong labels, from the probabilities that a model gives to classes.

pub mod joint;
pub mod margin;
pub mod posterior;
mod rows;

#[cfg(test)]
mod tests;
