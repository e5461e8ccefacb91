//! The scenarios: one file per phase, each with a table of entries. Phases are numbered as in docs/phases/.

pub(crate) mod phase_0_core;
pub(crate) mod phase_10_reconfiguration;
pub(crate) mod phase_1_byzantine;
pub(crate) mod phase_2_corruption;
pub(crate) mod phase_3_crash;
pub(crate) mod phase_4_gray;
pub(crate) mod phase_5_race;
pub(crate) mod phase_6_clock;
pub(crate) mod phase_7_sessions;
pub(crate) mod phase_8_repair;
pub(crate) mod phase_9_scrubbing;
