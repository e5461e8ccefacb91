//! A log of records on the disk. Records are only appended, and read from the front when a replica starts.
//!
//! A record is its length (4 bytes), a checksum (8 bytes), and its content. The checksum covers the checksum of the
//! previous record, so that records from before a crash which remain behind the end of the log are never read as part
//! of it. The log ends at the first invalid record: writes that no sync has covered may be lost or torn independently,
//! and none counts after a lost one. What remains behind the end is cleared before anything else happens.
//!
//! Left out: the log never becomes shorter; damage to a durable record ends the log early (no disk is damaged, see
//! `System::zones`).

use sim::{Env, IoId, IoResult, System};

/// The bytes before a record's content.
const HEAD: usize = 12;
/// The disk is read in pieces of this many bytes, up to the first empty one.
const PIECE: usize = 32 * 1024;

/// The log of records.
#[derive(Debug, Default)]
pub struct Journal {
    /// During a start: the bytes read so far.
    found: Vec<u8>,
    /// The offset of the next record.
    end: u64,
    /// The checksum of the last record.
    last: [u8; 8],
    /// The bytes written since the last sync that succeeded, and their offset.
    unsynced: Vec<u8>,
    unsynced_at: u64,
}

/// The progress of a start.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading {
    /// It waits for this read or sync.
    Waits(IoId),
    /// It is complete. These are the records.
    Done(Vec<Vec<u8>>),
}

impl Journal {
    /// Reads the next piece.
    pub fn read<S: System>(&self, env: &mut Env<'_, S>) -> IoId {
        env.read(self.found.len() as u64, PIECE)
    }

    /// Handles the end of a read or sync during a start.
    pub fn found<S: System>(&mut self, env: &mut Env<'_, S>, result: &IoResult<'_>) -> Reading {
        match result {
            IoResult::Read(piece) if piece.iter().any(|byte| *byte != 0) => {
                self.found.extend_from_slice(piece);
                return Reading::Waits(self.read(env));
            }
            IoResult::Failed if self.end == 0 => return Reading::Waits(self.read(env)),
            _ => {}
        }
        let records = self.parse();
        let end = self.end as usize;
        let rest = &mut self.found[end..];
        if let Some(dirty) = rest.iter().rposition(|byte| *byte != 0)
            && !matches!(result, IoResult::Synced)
        {
            env.write(self.end, &vec![0; dirty + 1]);
            return Reading::Waits(env.sync());
        }
        self.found = Vec::new();
        self.unsynced_at = self.end;
        Reading::Done(records)
    }

    /// The records from the front, up to the first invalid one.
    fn parse(&mut self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        (self.end, self.last) = (0, [0; 8]);
        let mut rest = self.found.as_slice();
        while let Some((head, behind)) = rest.split_at_checked(HEAD) {
            let length = u32::from_le_bytes(head[..4].try_into().expect("4 bytes")) as usize;
            let Some((content, behind)) = behind.split_at_checked(length) else { break };
            let checksum = checksum(self.last, content);
            if length == 0 || head[4..] != checksum {
                break;
            }
            records.push(content.to_vec());
            (self.last, rest) = (checksum, behind);
            self.end += (HEAD + length) as u64;
        }
        records
    }

    /// Appends a record.
    pub fn append<S: System>(&mut self, env: &mut Env<'_, S>, content: &[u8]) {
        self.last = checksum(self.last, content);
        let start = self.unsynced.len();
        self.unsynced.extend((content.len() as u32).to_le_bytes());
        self.unsynced.extend(self.last);
        self.unsynced.extend(content);
        env.write(self.end, &self.unsynced[start..]);
        self.end += (HEAD + content.len()) as u64;
    }

    /// Handles a successful sync that covers all records.
    pub fn synced(&mut self) {
        self.unsynced.clear();
        self.unsynced_at = self.end;
    }

    /// Writes everything since the last successful sync again, after a failed one.
    pub fn write_again<S: System>(&self, env: &mut Env<'_, S>) {
        env.write(self.unsynced_at, &self.unsynced);
    }
}

fn checksum(last: [u8; 8], content: &[u8]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&last).update(content);
    hasher.finalize().as_bytes()[..8].try_into().expect("8 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of consecutive records.
    fn bytes(contents: &[&[u8]]) -> Vec<u8> {
        let (mut bytes, mut last) = (Vec::new(), [0; 8]);
        for content in contents {
            last = checksum(last, content);
            bytes.extend((content.len() as u32).to_le_bytes());
            bytes.extend(last);
            bytes.extend(*content);
        }
        bytes
    }

    fn parse(found: Vec<u8>) -> Vec<Vec<u8>> {
        Journal { found, ..Journal::default() }.parse()
    }

    #[test]
    fn the_log_ends_at_the_first_invalid_record() {
        let (one, two): (&[u8], &[u8]) = (b"one", b"two");
        let mut found = bytes(&[one, two]);
        found.resize(100, 0);
        assert_eq!(parse(found.clone()), [one, two]);
        assert_eq!(parse(found[..20].to_vec()), [one], "torn");
        found[HEAD] ^= 1;
        assert!(parse(found).is_empty(), "nothing counts after a lost record");
    }

    #[test]
    fn records_left_behind_the_end_are_not_part_of_the_log() {
        let mut found = bytes(&[b"one", b"two"]);
        found.splice(..HEAD + 3, bytes(&[b"new"]));
        assert_eq!(parse(found), [b"new"]);
    }
}
