//! Tests of the repository: layers, file sizes, dependencies, documentation.

mod dependencies;
mod fuzzing_page;
mod layers;
mod pages;
pub(crate) mod tidy;
