//! The seed inputs of a campaign: the packed file `./corpus/TARGET.corpus` of the repository, and the folder
//! `./corpus/TARGET` of the user, if they exist.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::base::error::Error;
use crate::search::corpus::seeds_of;
use crate::search::packed::Packed;

/// The folders with the seeds of one target, in the format of libFuzzer.
pub struct SeedCorpus {
    folders: Vec<PathBuf>,
    /// The unpacked file, because libFuzzer reads only folders. It is deleted after the campaign.
    _unpacked: Option<TempDir>,
}

impl SeedCorpus {
    /// Finds the seeds of a target whose corpus is `corpus`.
    pub fn find(target: &str, corpus: &Path) -> Result<Self, Error> {
        let file = seeds_of(target);
        let unpacked = if file.is_file() { Some(unpack(&file)?) } else { None };
        let folder = Some(Path::new("corpus").join(target)).filter(|folder| folder.is_dir() && folder != corpus);
        let folders = unpacked.iter().map(|folder| folder.path().to_path_buf()).chain(folder).collect();
        Ok(SeedCorpus { folders, _unpacked: unpacked })
    }

    /// The folders.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
}

/// Unpacks a corpus into a new temporary folder.
fn unpack(file: &Path) -> Result<TempDir, Error> {
    let packed = Packed::read(file)?;
    let failed = |error: &std::io::Error| {
        Error::io("unpack", file, error, "make room for temporary files, or set TMPDIR to another folder")
    };
    let folder = tempfile::Builder::new().prefix("vopr-seeds-").tempdir().map_err(|error| failed(&error))?;
    for (name, bytes) in &packed.inputs {
        std::fs::write(folder.path().join(name), bytes).map_err(|error| failed(&error))?;
    }
    Ok(folder)
}
