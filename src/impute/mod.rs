//! Missing values.
