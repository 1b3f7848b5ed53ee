//! Text, image and audio primitives that areas share.

pub mod audio;
pub mod image;
pub mod image_huffman;
pub mod image_jpeg;
pub mod image_shrink;
pub mod text;
