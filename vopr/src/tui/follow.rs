//! Keeps an eye on the data directory, on a thread of its own: whenever something has changed, all of it is read again.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use engine::campaigns::campaign_log;
use engine::campaigns::data_dir::Data;

/// How often it is looked at; less often where reading takes long.
const EVERY: Duration = Duration::from_millis(500);

/// What came of reading.
pub type Read = Result<Data, String>;

/// Begins to follow a directory; what is in it, or why it cannot be read, comes out now and after every change.
pub fn follow(directory: PathBuf) -> Receiver<Read> {
    // The next is read when this one has been taken.
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
            // That there is none yet is no error: the first campaign makes it.
            let read = if directory.exists() { Data::read(directory) } else { Ok(Data::default()) };
            if sender.send(read.map_err(|error| error.to_string())).is_err() {
                return;
            }
            before = Some(now);
        }
        std::thread::sleep(EVERY.max(began.elapsed()));
    }
}

/// What changes when the directory does: a file came or went, or the log grew.
fn fingerprint(directory: &Path) -> [Option<(u64, SystemTime)>; 2] {
    [directory.to_path_buf(), directory.join(campaign_log::NAME)].map(|path| {
        let metadata = path.metadata().ok()?;
        Some((metadata.len(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)))
    })
}
