//! The lies: a message of the crate with one field changed, signed again with the liar's own key.

use kimberlite_vsr::Message;
use sim::{Liar, Lie, LieClass};

/// The message as the liar sends it, and what that amounts to; `None` where the lie makes no sense.
pub fn tamper(_: &Message, _: Lie, _: &mut Liar) -> Option<(Message, LieClass)> {
    None
}
