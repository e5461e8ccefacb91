//! Watches the data directory on a separate thread, and reads all of it again after every change.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use engine::campaigns::campaign_log;
use engine::campaigns::data_dir::Data;

/// The interval of the checks. It is longer if reading takes long.
const EVERY: Duration = Duration::from_millis(500);

/// The result of reading the directory.
pub type Read = Result<Data, String>;

/// Starts to watch a directory. Its content, or the reason why it cannot be read, is sent at once and after every
/// change.
pub fn follow(directory: PathBuf) -> Receiver<Read> {
    // The directory is read again only after the receiver has taken the last result.
    let (sender, receiver) = sync_channel(0);
    std::thread::spawn(move || watch(&directory, &sender));
    receiver
}

fn watch(directory: &Path, sender: &SyncSender<Read>) {
    let mut before = None;
    loop {
        let now = fingerprint(directory);
        let began = Instant::now();
        if before != Some(now) {
            // A missing directory is not an error: the first campaign creates it.
            let read = if directory.exists() { Data::read(directory) } else { Ok(Data::default()) };
            if sender.send(read.map_err(|error| error.to_string())).is_err() {
                return;
            }
            before = Some(now);
        }
        std::thread::sleep(EVERY.max(began.elapsed()));
    }
}

/// A value that changes with the directory: when a file is added or removed, or the log grows.
fn fingerprint(directory: &Path) -> [Option<(u64, SystemTime)>; 2] {
    [directory.to_path_buf(), directory.join(campaign_log::NAME)].map(|path| {
        let metadata = path.metadata().ok()?;
        Some((metadata.len(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)))
    })
}
