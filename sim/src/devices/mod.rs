//! The simulated devices, each by itself: network, disks, clocks, clients. They know no world and no protocol.

pub mod client;
pub mod clock;
pub mod device;
pub mod disk;
pub mod network;
