//! `maskcount`: counts people and worn masks in a camera's video, and covers every face.

pub mod detect;
pub mod look;
pub mod mosaic;
pub mod people;
pub mod picture;
