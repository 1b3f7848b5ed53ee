//! Text, image and audio primitives that areas share.

pub mod text;
