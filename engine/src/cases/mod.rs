//! Cases outside of a run: the systems that run them, the files that hold them, the findings and campaigns that they come from.

pub mod action_changes;
pub mod campaign_log;
pub mod causes;
pub mod data_dir;
pub mod fault_classes;
pub mod finding;
pub mod kmb;
pub mod limits;
pub mod reached;
pub mod seeds;
pub mod subprocess;
pub mod systems;
