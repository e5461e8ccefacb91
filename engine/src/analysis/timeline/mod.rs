//! The diagram behind `vopr timeline`: a run over virtual time. Each replica has a lane with its views and statuses as
//! spans. Messages are arrows between lanes, the faults are above them, and the violation is marked.
//!
//! `model.rs` is the model of a diagram, and `build.rs` builds it from a recorded run. `scale.rs` maps time to
//! positions and shortens idle stretches. `text.rs` renders for terminals, with `ladder.rs` for single messages.
//! `svg.rs` renders a picture with the positions from `layout.rs`, and `page.rs` embeds it into an interactive page
//! (`assets/timeline.js`). `downsample.rs` selects which messages of a dense run are drawn.
//!
//! To embed a diagram in another page: [`svg::embedded`] is the drawing without styles or scripts. The page needs
//! [`svg::STYLE`] and, for interaction, [`page::STYLE`] and [`page::SCRIPT`]. There are no inline handlers and no style
//! attributes, so the page can have a strict content security policy.

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
