//! What campaigns leave behind: findings, the log, the states that were reached, and the directory that holds all of it.

pub mod campaign_log;
pub mod causes;
pub mod counts;
pub mod data_dir;
pub mod finding;
pub mod reached;
