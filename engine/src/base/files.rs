//! Writes files so that no data is lost: each file is written completely or not at all, and never replaces another
//! finding.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::base::error::Error;

/// Writes `stem.extension` into `directory`, or the first free name of `stem-2.extension`, `stem-3.extension` and so
/// on. Several processes may do so concurrently. The file is synced to the disk before this function returns.
pub fn write_new(directory: &Path, stem: &str, extension: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let mut file = write_temporary(directory, bytes)?;
    for number in 1_u32.. {
        let name = match number {
            1 => format!("{stem}.{extension}"),
            _ => format!("{stem}-{number}.{extension}"),
        };
        let path = directory.join(name);
        match file.persist_noclobber(&path) {
            Ok(_) => {
                sync_directory(directory);
                return Ok(path);
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => file = error.file,
            Err(error) => return Err(error.error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name is taken"))
}

/// Writes the file that the user named. An existing file is replaced as a whole.
pub fn write_named(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A pipe or a device is written to and not replaced.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    write_temporary(directory, bytes)?.persist(path).map_err(|error| error.error)?;
    sync_directory(directory);
    Ok(())
}

/// Writes a file of exactly this name. An existing file is left unchanged. Returns whether the file was written.
pub fn write_absent(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let directory = path.parent().unwrap_or(Path::new("."));
    match write_temporary(directory, bytes)?.persist_noclobber(path) {
        Ok(_) => {
            sync_directory(directory);
            Ok(true)
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Creates a folder if it is missing, and checks that it is writable. Otherwise the error ends with `next`.
pub fn prepare(folder: &Path, next: &str) -> Result<(), Error> {
    let tried = std::fs::create_dir_all(folder).and_then(|()| try_to_write(folder));
    tried.map_err(|error| Error::io("write to the directory", folder, &error, next))
}

/// Tests whether a non-empty file can be created in a folder. On a full disk, empty files can still be created.
pub fn try_to_write(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder)?.write_all(&[0])
}

fn write_temporary(directory: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".vopr-").suffix(".tmp");
    #[cfg(unix)]
    {
        // Findings must be readable by other users. Temporary files are not by default. The umask still applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(directory)?;
    write_synced(file.as_file_mut(), bytes)?;
    Ok(file)
}

/// A file that can be made durable. The tests use an implementation that runs out of space.
trait Durable: Write {
    fn make_durable(&mut self) -> io::Result<()>;
}

impl Durable for File {
    fn make_durable(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

fn write_synced(file: &mut impl Durable, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.flush()?;
    file.make_durable()
}

/// Makes a new name in `directory` durable, where the system can sync directories.
fn sync_directory(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with space for this number of bytes.
    struct SmallDisk(usize);

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fitting = bytes.len().min(self.0);
            self.0 -= fitting;
            if fitting == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fitting) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Durable for SmallDisk {
        fn make_durable(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn a_full_disk_is_an_error_at_the_write_or_at_the_sync() {
        for room in [0, 2, 3, 100] {
            let error = write_synced(&mut SmallDisk(room), b"abc").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "with room for {room} bytes");
        }
    }

    #[test]
    fn parallel_writers_get_different_names() {
        let directory = tempfile::tempdir().unwrap();
        let mut paths: Vec<PathBuf> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8_u8)
                .map(|writer| {
                    let directory = directory.path();
                    scope.spawn(move || write_new(directory, "failure", "kmb", &[writer]).unwrap())
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 8, "no two writers share a file");
        let mut contents: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
        contents.sort();
        assert_eq!(contents, (0..8_u8).map(|writer| vec![writer]).collect::<Vec<_>>());
        assert!(directory.path().join("failure.kmb").exists() && directory.path().join("failure-8.kmb").exists());
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 8, "no temporary file is left");
    }

    #[test]
    fn what_is_there_stays_where_only_an_absent_file_may_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("input");
        assert!(write_absent(&path, b"one").unwrap());
        assert!(!write_absent(&path, b"two").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_named_file_is_replaced_and_a_device_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.xml");
        write_named(&path, b"one").unwrap();
        write_named(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        if cfg!(target_os = "linux") {
            let error = write_named(Path::new("/dev/full"), b"x").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            write_named(Path::new("/dev/null"), b"x").unwrap();
            assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
        }
    }
}
