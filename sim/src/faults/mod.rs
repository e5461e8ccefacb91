//! The faults that are in force during a run: what they add up to, the lies, and how much disk damage is allowed.

pub mod active;
pub mod damage_budget;
pub mod liars;
