//! The terms of the disk interface: zones, ids of reads and syncs, and their results.

/// A read or a sync that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoId(pub u32);

/// How a read or a sync ended.
#[derive(Debug, PartialEq, Eq)]
pub enum IoResult<'a> {
    /// All writes issued before the sync are durable.
    Synced,
    /// What stands on the disk; never written bytes are 0.
    Read(&'a [u8]),
    /// It failed. After a failed sync, none of the writes since the last successful sync may be on the disk: write again.
    Failed,
}

/// A zone of a replica's disk that the system promises to survive the damage of, in one replica at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: &'static str,
    /// Its first byte.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
    /// The length of one record in bytes.
    pub record: u64,
}
