//! The faults that are in force during a run: their combined effects, the lies, and the damage budget.

pub mod active;
pub mod damage_budget;
pub mod liars;
