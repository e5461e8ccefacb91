//! The data directory, read again when it has changed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use engine::base::error::Error;
use engine::campaigns::data_dir;
use engine::campaigns::data_dir::Data;

/// The metadata of the files in the directory. If it is unchanged, so is the content.
type Stamp = Vec<(OsString, u64, Option<SystemTime>)>;

pub struct Store {
    directory: PathBuf,
    cached: Mutex<Option<(Stamp, Arc<Data>)>>,
}

impl Store {
    pub fn new(directory: PathBuf) -> Self {
        Store { directory, cached: Mutex::new(None) }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The current content of the directory. This blocks, so it must not be called on the thread that serves requests.
    pub fn read(&self) -> Result<Arc<Data>, Error> {
        // The lock is held while reading: concurrent callers wait and get the same result.
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.directory);
        if let (Some(stamp), Some((of, data))) = (&stamp, &*cached)
            && stamp == of
        {
            return Ok(data.clone());
        }
        let data = Arc::new(Data::read(&self.directory)?);
        // The metadata is older than the content, so a concurrent write causes another read next time.
        *cached = stamp.map(|stamp| (stamp, data.clone()));
        Ok(data)
    }
}

fn stamp(directory: &Path) -> Option<Stamp> {
    let entries = directory.read_dir().ok()?.take(data_dir::FILES_MAX + 1);
    let mut stamp: Stamp = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok()?;
            Some((entry.file_name(), metadata.len(), metadata.modified().ok()))
        })
        .collect();
    stamp.sort();
    // A larger directory is always read again.
    (stamp.len() <= data_dir::FILES_MAX).then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_read_again_only_when_it_has_changed() {
        let here = tempfile::tempdir().unwrap();
        let store = Store::new(here.path().to_path_buf());
        let first = store.read().unwrap();
        assert!(Arc::ptr_eq(&first, &store.read().unwrap()));
        std::fs::write(here.path().join("bad.kmb"), "nonsense").unwrap();
        let second = store.read().unwrap();
        assert_eq!((first.unreadable.len(), second.unreadable.len()), (0, 1));
        std::fs::remove_file(here.path().join("bad.kmb")).unwrap();
        assert_eq!(store.read().unwrap().unreadable.len(), 0);
        drop(here);
        assert!(store.read().is_err(), "a directory that went away is no old news");
    }
}
