//! `vopr timeline`: a run as a picture. A lane for each replica over virtual time; views and statuses as spans of it,
//! messages as arrows between lanes, the faults above them, and the violation.
//!
//! `model.rs` is what is drawn and `build.rs` makes it from a recorded run; `scale.rs` gives time its place, and idle
//! stretches little of it. `text.rs` draws for terminals, with `ladder.rs` for the messages one by one; `svg.rs` draws the
//! picture where `layout.rs` has room for it, and `page.rs` puts it into a page that answers to the mouse and the keyboard (`assets/timeline.js`).
//! Of a run with more messages than can be told apart, `downsample.rs` says which are drawn.
//!
//! For others who show pictures: [`svg::embedded`] is the drawing alone, without styles or scripts of its own; it needs
//! [`svg::STYLE`] and, to answer, [`page::STYLE`] and [`page::SCRIPT`] in a page of yours. There are no inline handlers and
//! no style attributes, so a content security policy can be strict.

pub mod build;
pub mod downsample;
mod ladder;
mod layout;
pub mod model;
pub mod page;
mod row;
mod scale;
pub mod svg;
pub mod text;

pub use model::Timeline;

#[cfg(test)]
mod tests;
