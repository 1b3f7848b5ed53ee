//! Duplicates of every kind.
